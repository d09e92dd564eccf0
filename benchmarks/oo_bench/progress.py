"""Progress on stderr while a run goes on: what is measured, in which round, and how long it will take."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from oo_bench.plan import Step
from oo_bench.results import RoundFigures

__all__ = ["Progress", "remaining"]


def remaining(done: int, total: int, seconds: float) -> str:
    """Return the time left, by the pace so far, as minutes and seconds."""
    left = round(seconds / done * (total - done)) if done else 0
    return f"{left // 60}:{left % 60:02d} left"


@dataclass(slots=True)
class Progress:
    """Tells of `total` steps in `rounds` rounds."""

    total: int
    rounds: int
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    def tell(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)

    def step(self, step: Step, figures: RoundFigures) -> None:
        """Print what a step found, and the time left."""
        self.done += 1
        p50, p99 = (f"{ms:8.2f}" if ms is not None else "       -" for ms in (figures.p50_ms, figures.p99_ms))
        missed = ", ".join(f"{count} {reason}" for reason, count in figures.missed.items())
        self.tell(
            f"[{self.done:3d}/{self.total}] round {step.number + 1} of {self.rounds}  {step.load.name:<9} "
            f"{step.candidates:3d} candidates  {step.side.name:<8} p50 {p50}  p99 {p99} ms  "
            f"{remaining(self.done, self.total, time.monotonic() - self.began)}"
            + (f"  MISSED {missed}" if missed else "")
        )
