"""This module limits how many calls one process has in flight, so that those it takes are answered in time.

What waits behind others waits for all of them: by Little's law the time of a call is the number in flight divided by
the calls that are answered in a second. A call beyond the limit is refused before its body is parsed.

How many a process can have depends on the machine and on what else runs there, so the limit follows what is measured:
how long a call waits for its turn after it has come. Where that exceeds a target, as in CoDel (Nichols and Jacobson
2012), the limit shrinks by a factor, and it grows by one a round while it is used up and calls wait less: AIMD (Chiu
and Jain 1989). Waiting for the predictor has no part in it, for a slow predictor is no reason to refuse a call.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from oo_serving.problem_response import HTTPProblem, unavailable

from oo_transformers import metrics

__all__ = ["ConcurrencyLimit", "LimitedSlot"]

log = logging.getLogger(__name__)

LOG_INTERVAL_S = 10.0  # between two lines about calls that are shed: a line for each would add to the load
REFUSAL = replace(unavailable("too many calls are in flight"), detail="")  # made once, and without a line in the log
TARGET_WAIT_S = 0.010  # a call that waits longer for its turn will hardly be answered within 50 ms
DECREASE = 0.8
MIN_IN_FLIGHT = 4  # enough to keep transformer and predictor at work, whatever the machine does meanwhile


@dataclass(slots=True)
class ConcurrencyLimit:
    """The calls in flight of one process, of which there are at most `allowed`, and never more than `max_in_flight`.

    Those beyond `soft_max` are answered by the baseline; a `soft_max` of 0 means none.
    """

    max_in_flight: int
    soft_max: int = 0
    clock: Callable[[], float] = time.monotonic
    in_flight: int = field(default=0, init=False)
    _allowed: float = field(default=float("inf"), init=False)
    _lowered_at: float = field(default=float("-inf"), init=False)
    _next_line_at: float = field(default=0.0, init=False)

    @property
    def allowed(self) -> float:
        """The calls that may be in flight at present."""
        return min(self._allowed, self.max_in_flight)

    def admit(self, route: str) -> LimitedSlot:
        """Take a place for a call of a route.

        Raises:
            HTTPProblem: a 503, because there is no place.
        """
        if self.in_flight >= self.allowed:
            self._report(route, "refused")
            raise HTTPProblem(REFUSAL)
        is_overloaded = 0 < self.soft_max <= self.in_flight
        if is_overloaded:
            self._report(route, "baseline")
        self.in_flight += 1
        return LimitedSlot(self, self.clock(), is_overloaded)

    def observe(self, came_at: float) -> None:
        """Note that the work on a call that came at an instant begins, and move the limit."""
        now = self.clock()
        if now - came_at <= TARGET_WAIT_S:
            if self.in_flight * 2 >= self.allowed:
                self._allowed = min(self.max_in_flight, self.allowed + 1 / max(1.0, self.allowed))
        elif came_at > self._lowered_at:  # once for all that waited together
            self._allowed, self._lowered_at = max(MIN_IN_FLIGHT, self.allowed * DECREASE), now

    def _report(self, route: str, answer: str) -> None:
        """Count a call that is shed, and say so in the log now and then."""
        metrics.SHED.labels(route, answer).inc()
        now = self.clock()
        if now >= self._next_line_at:
            self._next_line_at = now + LOG_INTERVAL_S
            log.warning("overload: %d calls in flight; %s: %s", self.in_flight, route, answer)


@dataclass(slots=True)
class LimitedSlot:
    """The place of one call, which came at an instant of the limit's clock."""

    limit: ConcurrencyLimit
    came_at: float
    is_overloaded: bool
    _is_taken: bool = True

    def begin(self) -> None:
        """Note that the work on the call begins."""
        self.limit.observe(self.came_at)

    def end(self) -> None:
        """Give the place back, once."""
        self.limit.in_flight -= self._is_taken
        self._is_taken = False
