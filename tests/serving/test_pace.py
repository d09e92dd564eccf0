"""Turns of large calls against a clock of the test's own: what they take together, and who waits."""

from __future__ import annotations

import asyncio

import pytest
from oo_serving import pace
from oo_serving.pace import LARGE_CALLS_SHARE, MAX_CREDIT_S, MAX_WAITING, MIN_WEIGHT_IN_TURNS, Busy, Turns, weight

LARGE = MIN_WEIGHT_IN_TURNS


@pytest.fixture
def clock(monkeypatch):
    """`clock.now` is the time in seconds; sleeping moves it on."""

    class Clock:
        now, slept = 0.0, 0.0

    async def sleep(seconds):
        Clock.now += seconds
        Clock.slept += seconds

    monkeypatch.setattr(pace, "CLOCK", lambda: Clock.now)
    monkeypatch.setattr(pace.asyncio, "sleep", sleep)
    return Clock


async def work(turns, clock, steps, seconds, cost=LARGE):
    async with turns.admit(cost) as found:
        for _ in range(steps):
            clock.now += seconds
            await found.step()


async def test_large_calls_take_no_more_than_their_share_of_the_loop(clock):
    turns = Turns()

    for _ in range(100):
        await work(turns, clock, steps=5, seconds=0.01)

    assert 5.0 / clock.now == pytest.approx(LARGE_CALLS_SHARE, rel=0.1)


@pytest.mark.parametrize("idle", [0.0, 10.0, 1_000.0])
async def test_one_that_comes_alone_is_not_held_up(clock, idle):
    turns = Turns()
    clock.now += idle

    await work(turns, clock, steps=10, seconds=MAX_CREDIT_S / 10)

    assert clock.slept == pytest.approx(0.0, abs=1e-9)
    await work(turns, clock, steps=1, seconds=MAX_CREDIT_S)
    assert clock.slept > 0


async def test_a_small_call_has_no_steps(clock):
    await work(Turns(), clock, steps=10, seconds=1.0, cost=0)

    assert (clock.slept, clock.now) == (0.0, 10.0)


async def test_too_many_at_once_are_refused_but_not_what_cannot_be_refused_any_more():
    turns, done = Turns(), asyncio.Event()

    async def hold(**more):
        async with turns.admit(LARGE, **more):
            await done.wait()

    held = [asyncio.create_task(hold()) for _ in range(MAX_WAITING + 1)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await hold()
    late = asyncio.create_task(hold(is_refusable=False))
    await asyncio.sleep(0)
    done.set()
    await asyncio.gather(*held, late)

    async with turns.admit(LARGE) as found:
        assert found.in_steps


async def test_who_stops_waiting_gives_the_place_back():
    turns, done = Turns(), asyncio.Event()

    async def hold():
        async with turns.admit(LARGE):
            await done.wait()

    held = [asyncio.create_task(hold()) for _ in range(MAX_WAITING + 1)]
    await asyncio.sleep(0)
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)

    async with turns.admit(LARGE):
        pass


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"{}", 1), (b'{"tasks": [{}, {}]}', 3), (b"x" * 10_240, 10), (b"{" * 1_024, 1_025), (rb"\u007b\u007B{" * 9, 27)],
)
def test_objects_and_kibibytes_weigh_the_same(body, expected):
    assert weight(body) == expected
