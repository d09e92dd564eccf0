"""This module limits how many calls one process has in flight, so that those it takes are answered in time.

What waits behind others waits for all of them: by Little's law the time of a call is the number in flight divided by
the calls that are answered in a second. A call beyond the limit is refused before its body is parsed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from oo_serving.problem_response import HTTPProblem, unavailable

from oo_transformers import metrics

__all__ = ["ConcurrencyLimit"]

log = logging.getLogger(__name__)

LOG_INTERVAL_S = 10.0  # between two lines about calls that are shed: a line for each would add to the load
REFUSAL = replace(unavailable("too many calls are in flight"), detail="")  # made once, and without a line in the log


@dataclass(slots=True)
class ConcurrencyLimit:
    """The calls in flight of one process, of which there are at most `max_in_flight`.

    Those beyond `soft_max` are answered by the baseline; a `soft_max` of 0 means none.
    """

    max_in_flight: int
    soft_max: int = 0
    clock: Callable[[], float] = time.monotonic
    in_flight: int = field(default=0, init=False)
    _next_line_at: float = field(default=0.0, init=False)

    @asynccontextmanager
    async def slot(self, route: str) -> AsyncIterator[bool]:
        """Take a place for a call of a route, and yield whether it is to be answered by the baseline.

        Raises:
            HTTPProblem: a 503, because there is no place.
        """
        if self.in_flight >= self.max_in_flight:
            self._report(route, "refused")
            raise HTTPProblem(REFUSAL)
        is_overloaded = 0 < self.soft_max <= self.in_flight
        self.in_flight += 1
        try:
            if is_overloaded:
                self._report(route, "baseline")
            await asyncio.sleep(0)  # all that have come by now are counted or refused before the work on one begins
            yield is_overloaded
        finally:
            self.in_flight -= 1

    def _report(self, route: str, answer: str) -> None:
        """Count a call that is shed, and say so in the log now and then."""
        metrics.SHED.labels(route, answer).inc()
        now = self.clock()
        if now >= self._next_line_at:
            self._next_line_at = now + LOG_INTERVAL_S
            log.warning("overload: %d calls in flight; %s: %s", self.in_flight, route, answer)
