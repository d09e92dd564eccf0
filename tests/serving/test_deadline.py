"""A deadline is one, and an answer that came in time is not lost because the loop was busy."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
import uvloop
from oo_serving.deadline import until

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def run(work, loop):
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work())


@pytest.mark.parametrize("loop", LOOPS)
def test_what_takes_longer_is_given_up(loop):
    async def work():
        with pytest.raises(TimeoutError):
            async with until(0.01):
                await asyncio.sleep(60)

    run(work, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_over_in_time_is_left_alone(loop):
    async def work():
        async with until(0.02):
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        return "done"

    assert run(work, loop) == "done"


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_that_came_while_the_loop_was_busy_is_read(loop):
    async def work():
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        async with until(0.02):
            reading = asyncio.create_task(asyncio.get_running_loop().sock_recv(ours, 10))
            await asyncio.sleep(0)
            theirs.send(b"answer")
            time.sleep(0.05)  # noqa: ASYNC251  # the loop is late
            data = await reading
        ours.close()
        theirs.close()
        return data

    assert run(work, loop) == b"answer"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_busy_loop_does_not_wait_for_ever(loop):
    async def late():
        async with until(0.01):
            time.sleep(0.05)  # noqa: ASYNC251  # the loop is late
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        run(late, loop)


def test_cancelling_is_no_timeout():
    async def work():
        async def wait():
            async with until(60):
                await asyncio.sleep(60)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work, asyncio.new_event_loop)
