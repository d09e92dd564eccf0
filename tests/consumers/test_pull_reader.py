"""A batch has what there is at once; what the server says ends the request that it is about, and no other."""

from __future__ import annotations

import asyncio
import json

import nats
import pytest
from nats.aio.msg import Msg
from nats.js.errors import APIError, ServiceUnavailableError
from oo_consumers.pull_reader import PullReader, pull_reader
from oo_consumers.subscription import SUBSCRIPTIONS

LONG, SHORT = 20.0, 0.05
SIGNALS = next(item for item in SUBSCRIPTIONS if item.durable == "signals")


class Scripted:
    """A connection whose server answers each request with the next part of a script: numbers and statuses."""

    def __init__(self, *script):
        self.script, self.requests, self.reader = list(script), [], PullReader(self, "next", "inbox")

    async def publish(self, subject, payload, reply):
        self.requests.append(json.loads(payload))
        for part in self.script.pop(0) if self.script else ():
            await self.reader.receive(event(part) if isinstance(part, int) else word(part, reply))

    async def numbers(self, limit=3, timeout_s=LONG):
        return [int(message.data) for message in await self.reader.fetch(limit, timeout_s)]


def event(number):
    return Msg(None, "signals.x", "$JS.ACK.SIGNALS.signals.1.1.1.1.0", str(number).encode(), {"Status": "404"})


def word(status, about):
    return Msg(None, about, "", b"", {"Status": status, "Description": "so it is"})


@pytest.mark.parametrize("end", ["404", "408"])
async def test_what_there_is_is_a_batch(end):
    server = Scripted([1, 2, end])

    assert await server.numbers() == [1, 2]
    assert server.requests == [{"batch": 3, "no_wait": True, "expires": int(LONG * 1e9)}]


async def test_a_full_batch_waits_for_nothing_more():
    server = Scripted([1, 2, 3])

    assert await server.numbers() == [1, 2, 3]


async def test_what_comes_too_late_for_a_batch_belongs_to_the_next():
    server = Scripted()
    assert await server.numbers(timeout_s=SHORT) == []

    for number in range(1, 6):
        await server.reader.receive(event(number))

    assert [await server.numbers() for _ in range(2)] == [[1, 2, 3], [4, 5]]
    assert len(server.requests) == 1


async def test_the_end_of_an_earlier_request_is_not_that_of_the_present_one():
    server = Scripted([])
    assert await server.numbers(timeout_s=SHORT) == []

    batch = asyncio.create_task(server.numbers())
    while len(server.requests) < 2:
        await asyncio.sleep(0)
    await server.reader.receive(word("408", "inbox.1"))
    await server.reader.receive(event(2))
    await asyncio.sleep(SHORT)
    assert not batch.done()
    await server.reader.receive(word("404", "inbox.2"))

    assert await batch == [2]


async def test_a_silent_server_has_nothing():
    assert await Scripted().numbers(timeout_s=SHORT) == []


async def test_a_conflict_takes_the_time_of_its_request():
    """Otherwise a reader would ask without a pause for as long as it lasts."""
    server = Scripted(["409"])

    began = asyncio.get_running_loop().time()
    assert await server.numbers(timeout_s=SHORT) == []
    assert asyncio.get_running_loop().time() - began >= SHORT


@pytest.mark.parametrize(("status", "error"), [("503", ServiceUnavailableError), ("400", APIError)])
async def test_any_other_word_is_an_error_of_one_fetch(status, error):
    server = Scripted([1, status], ["404"])

    with pytest.raises(error):
        await server.numbers()
    assert await server.numbers() == [1]


@pytest.mark.real
async def test_a_real_server_ends_its_bursts(connection):
    """By a status, not by the time that they may take."""
    js = connection.jetstream()
    await js.add_consumer(SIGNALS.stream.name, SIGNALS.config())
    for number in range(900):
        await js.publish("signals.x", str(number).encode())
    async with pull_reader(connection, SIGNALS.stream.name, SIGNALS.durable) as reader:
        began = asyncio.get_running_loop().time()
        batches = [await reader.fetch(400, LONG) for _ in range(3)]
        took = asyncio.get_running_loop().time() - began
        rest = await reader.fetch(400, SHORT)

    assert [len(batch) for batch in batches] == [400, 400, 100]
    assert [int(message.data) for batch in batches for message in batch] == list(range(900))
    assert took < LONG
    assert rest == []


@pytest.mark.real
async def test_a_durable_that_is_gone_is_an_error(connection):
    async with pull_reader(connection, SIGNALS.stream.name, "unknown") as reader:
        with pytest.raises(ServiceUnavailableError):
            await reader.fetch(1, LONG)


@pytest.mark.real
async def test_a_closed_connection_is_an_error(server):
    connection = await nats.connect(server.url)
    async with pull_reader(connection, SIGNALS.stream.name, SIGNALS.durable) as reader:
        await connection.close()
        with pytest.raises(nats.errors.ConnectionClosedError):
            await reader.fetch(1, LONG)
