"""The progress of a process's readers: one without any for a while makes the process not ready, with the reason.

One failure is no obstacle: on a busy machine a call may take longer than its deadline, and the next one succeeds. A
reader that has not begun is an obstacle from the start: a process that replaces another first shows that it can.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["PATIENCE", "ReaderProgress"]

PATIENCE = 20.0  # seconds since the first failure: three calls of five seconds in a row, and the pauses between


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of one reader since its last success."""

    since: float
    count: int
    why: str  # the last one


@dataclass(slots=True)
class ReaderProgress:
    """The obstacle of each reader, by the reader's name; a reader that works has none."""

    patience: float = PATIENCE
    clock: Callable[[], float] = time.monotonic
    _starting: dict[str, str] = field(default_factory=dict)
    _failures: dict[str, Failures] = field(default_factory=dict)

    def expect(self, *readers: str) -> None:
        """Expect these readers: the process is not ready until each of them has begun."""
        self._starting |= dict.fromkeys(readers, "has not begun")

    def began(self, reader: str) -> None:
        """Note that the reader has found what it reads from.

        Beginning again is no success: what follows may fail each time.
        """
        self._starting.pop(reader, None)

    def succeeded(self, reader: str) -> None:
        """Note that the reader did what there was to do, if anything."""
        self.began(reader)
        self._failures.pop(reader, None)

    def failed(self, reader: str, why: str) -> None:
        """Note that the reader failed, for the reason `why`, and will try again."""
        if reader in self._starting:
            self._starting[reader] = why
            return
        before = self._failures.get(reader, Failures(self.clock(), 0, why))
        self._failures[reader] = Failures(before.since, before.count + 1, why)

    @property
    def obstacle(self) -> str | None:
        """The first obstacle, for a probe; None when every reader works, or may by its next try."""
        late = self.clock() - self.patience
        lasting = {
            name: failures.why
            for name, failures in self._failures.items()
            if failures.count > 1 and failures.since <= late
        }
        return next((f"{reader}: {why}" for reader, why in (self._starting | lasting).items()), None)
