"""Load: a closed loop, whose callers wait for each answer, and an open loop, whose calls start at fixed times.

A closed loop stops sending while the server stalls and hardly sees the stall (coordinated omission). In an open loop
each latency is measured from the time at which its call was meant to start, whether or not the client was late.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from oo_bench.interval_timer import interval_ticks

__all__ = ["ANSWERED", "Caller", "ClosedLoop", "Load", "LoadResult", "OpenLoop"]

ANSWERED = "answered"  # the outcome of a call that counts; every other one is missed
LEAD_S = 0.01  # between the decision to start and the first start


class Caller(Protocol):
    """The calls to one side."""

    async def call(self) -> str:
        """Make one call, and return its outcome: ANSWERED, or the reason why it is missed."""


@dataclass(slots=True)
class LoadResult:
    """How each call ended and its ms; `delays` are the ms by which calls started late, `seconds` the time in all."""

    calls: list[tuple[str, float]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """So many callers; each waits for its answer before it calls again."""

    callers: int

    @property
    def name(self) -> str:
        """The name in figures."""
        return f"closed-{self.callers}"

    @property
    def width(self) -> int:
        """How many connections are opened before."""
        return self.callers

    async def run(self, caller: Caller, seconds: float) -> LoadResult:
        """Call for so many seconds."""
        result = LoadResult()
        begin = perf_counter()

        async def one() -> None:
            while (started := perf_counter()) < begin + seconds:
                outcome = await caller.call()
                result.calls.append((outcome, (perf_counter() - started) * 1000))

        await asyncio.gather(*(one() for _ in range(self.callers)))
        result.seconds = perf_counter() - begin
        return result


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """So many calls a second, whether or not earlier ones have been answered.

    A call without an answer `drain_s` after the last start is late.
    """

    rate: float
    drain_s: float = 10.0

    @property
    def name(self) -> str:
        """The name in figures."""
        return f"open-{self.rate:g}"

    @property
    def width(self) -> int:
        """How many connections are opened before."""
        return max(4, int(self.rate) // 50)

    async def run(self, caller: Caller, seconds: float) -> LoadResult:
        """Start calls for so many seconds, and wait for their answers."""
        result, tasks = LoadResult(), set[asyncio.Task[None]]()
        interval, begin = 1 / self.rate, perf_counter() + LEAD_S
        count = round(self.rate * seconds)

        async def one(intended: float) -> None:
            result.delays.append((perf_counter() - intended) * 1000)
            outcome = await caller.call()
            result.calls.append((outcome, (perf_counter() - intended) * 1000))

        with interval_ticks(begin, interval) as ticks:
            while len(tasks) < count:
                due = min(await ticks.wait(), count - len(tasks))
                for index in range(len(tasks), len(tasks) + due):
                    tasks.add(asyncio.create_task(one(begin + index * interval)))
        await _drain(tasks, result, self.drain_s)
        result.seconds = perf_counter() - begin
        return result


Load = ClosedLoop | OpenLoop


async def _drain(tasks: set[asyncio.Task[None]], result: LoadResult, drain_s: float) -> None:
    """Wait for the answers; calls without one are late."""
    _, late = await asyncio.wait(tasks, timeout=drain_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    result.calls += [("late", float("inf"))] * len(late)
