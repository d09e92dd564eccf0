"""A timer of the kernel that expires at fixed times.

Event loops round their own timers to milliseconds, which would be a part of every latency of an open loop.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Protocol

__all__ = ["Ticks", "interval_ticks"]

CLOCK_MONOTONIC, TFD_NONBLOCK, TFD_TIMER_ABSTIME = 1, 0o4000, 1  # perf_counter reads the same clock on Linux
NS = 1_000_000_000


class Ticks(Protocol):
    """Fixed times, one interval apart."""

    async def wait(self) -> int:
        """Return how many of them have passed since the last call, at least one."""


@contextmanager
def interval_ticks(begin: float, interval: float) -> Iterator[Ticks]:
    """Provide the times begin, begin + interval, …; both in seconds of `perf_counter`."""
    if sys.platform != "linux":
        yield LoopTicks(begin, interval)
        return
    timer = KernelTicks(begin, interval)
    try:
        yield timer
    finally:
        timer.close()


class KernelTicks:
    """A timerfd, read by the event loop."""

    def __init__(self, begin: float, interval: float) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._file = libc.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)
        times = [*divmod(round(interval * NS), NS), *divmod(round(begin * NS), NS)]
        specification = (ctypes.c_long * 4)(*times)  # struct itimerspec: interval, then first expiration
        if self._file < 0 or libc.timerfd_settime(self._file, TFD_TIMER_ABSTIME, ctypes.byref(specification), None):
            raise OSError(ctypes.get_errno(), "no timer")
        self._expired = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._file, self._expired.set)

    async def wait(self) -> int:
        """Return how many times have passed since the last call, at least one."""
        while True:
            await self._expired.wait()
            self._expired.clear()
            try:
                return int.from_bytes(os.read(self._file, 8), sys.byteorder)
            except BlockingIOError:  # the loop called twice for one expiration
                continue

    def close(self) -> None:
        """Give the timer back."""
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)


class LoopTicks:
    """The event loop's own timers, where there is no timerfd."""

    def __init__(self, begin: float, interval: float) -> None:
        self._next, self._interval = begin, interval

    async def wait(self) -> int:
        """Return how many times have passed since the last call, at least one."""
        await asyncio.sleep(max(0.0, self._next - perf_counter()))
        count = 1 + max(0, int((perf_counter() - self._next) / self._interval))
        self._next += count * self._interval
        return count
