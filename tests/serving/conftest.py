"""A real nats-server that a test may kill, and readers of what arrived there."""

from __future__ import annotations

import asyncio
import json

import nats
import pytest
from oo_consumers import streams
from oo_serving.outbox import Outbox
from real_nats import Nats


@pytest.fixture
def server(tmp_path):
    """Not started: the test says when."""
    server = Nats(tmp_path / "nats")
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


@pytest.fixture
async def outbox(server):
    outbox = Outbox(server.url)
    yield outbox
    await outbox.stop(0.1)


@pytest.fixture
def make_streams(server):
    async def make():
        connection = await nats.connect(server.url)
        await streams.ensure_streams(connection.jetstream())
        await connection.close()

    return make


@pytest.fixture
def stored(server):
    """Every event of a stream, in the stream's order, with its message id."""

    async def read(stream):
        connection = await nats.connect(server.url)
        js = connection.jetstream()
        count = (await js.stream_info(stream)).state.messages
        messages = [await js.get_msg(stream, sequence) for sequence in range(1, count + 1)]
        await connection.close()
        return [(message.headers["Nats-Msg-Id"], json.loads(message.data)["event_id"]) for message in messages]

    return read


@pytest.fixture
def emptied():
    """Wait until an outbox has nothing left."""

    async def wait(outbox, patience=20.0):
        async with asyncio.timeout(patience):
            while outbox.depth:  # depth also counts what is in flight
                await asyncio.sleep(0.01)

    return wait
