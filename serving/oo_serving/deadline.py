"""This module is the deadline of a call to another server, by a clock that a busy loop does not push on.

A loop that is late runs its timers before it reads its sockets. So a deadline that expires late lets the loop read once
more: an answer that came in time is not thrown away, and an overload of ours does not look like a fault of the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["until"]

LATE_S = 0.002  # after which a loop counts as late
GRACE_S = 0.005  # for what waits in the sockets to be read, and for its task to wake up


@asynccontextmanager
async def until(seconds: float) -> AsyncIterator[None]:
    """Cancel the block after so many seconds.

    Raises:
        TimeoutError: the seconds have passed.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    async with asyncio.timeout(None) as timeout:

        def expire() -> None:
            now = loop.time()
            timeout.reschedule(now + (GRACE_S if now - end > LATE_S else 0.0))

        handle = loop.call_at(end, expire)
        try:
            yield
        finally:
            handle.cancel()
