"""This module shares one event loop among calls.

Small ones run as they come, large ones in steps, the largest in turns.

The cost of a call is estimated before it is parsed: an object is a task, a candidate or a part of one, and a kibibyte
of text takes about as long to read as an object takes to be handled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

from oo_serving.body import count_objects

__all__ = ["Busy", "Pace", "Turns", "weight"]

MIN_WEIGHT_IN_STEPS = 64  # a lighter call is over in a millisecond or two
MIN_WEIGHT_IN_TURNS = 600  # about 300 tasks with due dates
MAX_WAITING = 8  # large calls that wait for their turn in one process; more are refused
CLOCK = perf_counter
LARGE_CALLS_SHARE = 0.2  # of the loop's time that large calls may take together
MAX_CREDIT_S = 0.25  # that they may have saved, so that a call that comes alone is not held up


def _now() -> float:
    """Return the time in seconds by a clock that tests may replace."""
    return CLOCK()


class Busy(Exception):
    """Too many large calls wait already; this one should be repeated later."""


def weight(body: bytes) -> int:
    """Return the estimated cost of a call, in objects."""
    return count_objects(body) + len(body) // 1_024


@dataclass(slots=True)
class Credit:
    """The seconds of the loop that large calls may take: they grow with time, and an overdraft has to be waited for."""

    seconds: float = MAX_CREDIT_S
    _since: float = field(default_factory=_now)

    def wait_after(self, spent: float) -> float:
        """Subtract what a step took, and return for how many seconds to leave the loop to others."""
        now = _now()
        grown = self.seconds + (now - self._since) * LARGE_CALLS_SHARE
        self.seconds, self._since = min(MAX_CREDIT_S, grown) - spent, now
        return max(0.0, -self.seconds / LARGE_CALLS_SHARE)


@dataclass(slots=True)
class Pace:
    """The steps of one call, after each of which others have the loop; a small call has no steps."""

    in_steps: bool = False
    credit: Credit | None = None
    _since: float = field(default_factory=_now)

    async def step(self) -> None:
        """Let others have the loop, after a part of the work."""
        if self.in_steps:
            spent = _now() - self._since
            await asyncio.sleep(self.credit.wait_after(spent) if self.credit else 0)
            self._since = _now()

    def resume(self) -> None:
        """Continue after waiting for something else, which was no step."""
        self._since = _now()


@dataclass(slots=True)
class Turns:
    """The order in which one process works on large calls."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _credit: Credit = field(default_factory=Credit)
    _waiting: int = 0

    @asynccontextmanager
    async def admit(self, cost: int, *, is_refusable: bool = True) -> AsyncIterator[Pace]:
        """Yield the pace of a call of this weight as soon as it is its turn.

        Raises:
            Busy: too many wait already; never raised for a call that is not refusable any more.
        """
        if cost < MIN_WEIGHT_IN_TURNS:
            yield Pace(in_steps=cost >= MIN_WEIGHT_IN_STEPS)
            return
        if is_refusable and self._waiting >= MAX_WAITING:
            raise Busy
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            yield Pace(in_steps=True, credit=self._credit)
        finally:
            self._turn.release()
