"""The plan of a run: which sides are measured under which load, with how many candidates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from oo_bench.chains.side import Side
from oo_bench.load import ClosedLoop, Load, OpenLoop

__all__ = ["CANDIDATES", "PLAN", "Cell", "Step", "steps"]

CANDIDATES = (1, 10, 50, 200)


@dataclass(frozen=True, slots=True)
class Cell:
    """A load with the numbers of candidates that it is run with; without `sides` it is for all that have an address."""

    load: Load
    candidates: tuple[int, ...]
    sides: tuple[str, ...] = ()

    def takes(self, side: Side) -> bool:
        """Return whether a side is measured here; what runs in this process has only one caller."""
        if side.in_process and self.load != ClosedLoop(1):
            return False
        return not self.sides or side.name in self.sides


PLAN = (
    Cell(ClosedLoop(1), CANDIDATES),
    Cell(ClosedLoop(16), (10, 50)),
    Cell(OpenLoop(100), (10, 50), ("ours", "envoy", "stack")),
    Cell(OpenLoop(300), (10,)),
    Cell(OpenLoop(1_000), (10,), ("floor", "stock", "ours", "envoy", "stack")),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One round of one side under one load."""

    number: int
    side: Side
    load: Load
    candidates: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What its figures are kept under."""
        return self.side.name, self.load.name, self.candidates


def steps(plan: Iterable[Cell], sides: Sequence[Side], candidates: Sequence[int], rounds: int) -> Iterator[Step]:
    """Yield the steps of all rounds.

    In each round every load has its turn, and under it every side, so that whatever else the machine does meets all of
    them; the order of the sides is reversed from round to round.
    """
    cells = tuple(plan)
    for number in range(rounds):
        for cell in cells:
            for count in (count for count in cell.candidates if count in candidates):
                for side in sides if number % 2 else sides[::-1]:
                    if cell.takes(side):
                        yield Step(number, side, cell.load, count)
