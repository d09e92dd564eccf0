"""A real nats-server and the consumers, on SQLite."""

from __future__ import annotations

import pytest
from real_consumers import Consumers
from real_nats import Nats


@pytest.fixture
def server(tmp_path):
    server = Nats(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def consumers(server, tmp_path):
    consumers = Consumers(server.url, f"sqlite:///{tmp_path}/effects.db")
    consumers.start()
    yield consumers
    consumers.stop()
