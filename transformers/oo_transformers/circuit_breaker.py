"""This module is the state machine of a circuit breaker: it keeps calls from a server that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["CircuitBreaker", "CircuitState"]

CircuitState = Literal["closed", "open", "half_open"]


@dataclass(slots=True)
class CircuitBreaker:
    """The circuit in front of one server.

    Closed, it admits every call. After `max_failures` failures in a row it opens and admits none for `open_s` seconds.
    Then it is half-open: it admits one call, the probe, whose success closes it and whose failure opens it again. Each
    change begins a new generation; how a call of an earlier one ended tells nothing any more. `on_change` is told the
    new state. Instants are in seconds, by a clock that never goes back.

    >>> states = []
    >>> circuit = CircuitBreaker(max_failures=1, open_s=2.0, on_change=states.append)
    >>> circuit.record_failure(circuit.admit(0.0), 0.0)
    >>> circuit.admit(1.0), circuit.admit(2.0)
    (None, 2)
    >>> circuit.record_success(2)
    >>> states
    ['open', 'half_open', 'closed']
    """

    max_failures: int
    open_s: float
    on_change: Callable[[CircuitState], None]
    state: CircuitState = field(default="closed", init=False)
    _failures: int = field(default=0, init=False)
    _probe_at: float = field(default=0.0, init=False)
    _generation: int = field(default=0, init=False)

    def admit(self, now: float) -> int | None:
        """Return the generation of a call that may be made, by which its end is to be recorded, or None."""
        if self.state == "open" and now >= self._probe_at:
            self._change("half_open")
            return self._generation
        return self._generation if self.state == "closed" else None

    def record_success(self, generation: int) -> None:
        """Note that the server answered a call."""
        if generation == self._generation:
            self._failures = 0
            if self.state == "half_open":
                self._change("closed")

    def record_failure(self, generation: int, now: float) -> None:
        """Note that the server did not answer a call."""
        if generation == self._generation:
            self._failures += 1
            if self.state == "half_open" or self._failures >= self.max_failures:
                self._probe_at = now + self.open_s
                self._change("open")

    def forget(self, generation: int) -> None:
        """Note that a call was given up and tells nothing: if it was the probe, the next call is."""
        if generation == self._generation and self.state == "half_open":
            self._change("open")

    def _change(self, state: CircuitState) -> None:
        self.state, self._failures = state, 0
        self._generation += 1
        self.on_change(state)
