"""The rounds of a run: each step of the plan is measured, and the processes are looked after between the steps."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from oo_bench.chains.side import Side, VerificationFailed
from oo_bench.figures import measurement, round_figures
from oo_bench.http_caller import HttpCaller
from oo_bench.load import Caller, ClosedLoop, LoadResult
from oo_bench.plan import Step
from oo_bench.results import Measurement, RoundFigures
from oo_bench.usage import cpu_seconds

__all__ = ["Rounds"]

WARM_UP_CALLERS = 4
Key = tuple[str, str, int]


@dataclass(slots=True)
class Rounds:
    """What was measured so far; `check` fails when a process has ended."""

    seconds: float
    check: Callable[[], None]
    callers: dict[tuple[str, int], Caller] = field(default_factory=dict)
    results: dict[Key, list[LoadResult]] = field(default_factory=lambda: defaultdict(list))
    figures: dict[Key, list[RoundFigures]] = field(default_factory=lambda: defaultdict(list))

    async def warm_up(self, sides: Sequence[Side], candidates: Sequence[int]) -> None:
        """Look into one answer of each side, and let each answer for a while: what is compiled or cached comes first.

        Raises:
            VerificationFailed: a side answers something else than it should.
        """
        for side in sides:
            for count in candidates:
                self.callers[side.name, count] = await self._connect(side, count)
                await ClosedLoop(WARM_UP_CALLERS).run(self.callers[side.name, count], self.seconds / 2)
                self.check()
            await side.settle()

    async def _connect(self, side: Side, candidates: int) -> Caller:
        try:
            return await side.connect(candidates)
        except OSError as error:
            self.check()
            raise VerificationFailed(f"{side.title} does not answer: {error!r}") from error

    async def measure(self, step: Step) -> RoundFigures:
        """Measure one step, and return its figures."""
        caller, side, load = self.callers[step.side.name, step.candidates], step.side, step.load
        before, warm_calls = cpu_seconds(side.pids), 0
        if isinstance(caller, HttpCaller):
            await caller.open_connections(load.width)
            warm_calls = load.width
        with _no_collections():
            result = await load.run(caller, self.seconds)
        self.check()
        await side.settle()
        after = cpu_seconds(side.pids)
        used = {name: after[name] - before[name] for name in after}
        figures = round_figures(result, used, len(result.calls) + warm_calls)
        self.results[step.key].append(result)
        self.figures[step.key].append(figures)
        return figures

    def clear(self) -> None:
        """Forget what was measured, and keep the callers."""
        self.results.clear()
        self.figures.clear()

    def measurements(self) -> tuple[Measurement, ...]:
        """Return everything that was measured."""
        return tuple(measurement(*key, self.results[key], self.figures[key]) for key in self.results)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the client's own garbage collections out of the latencies."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
