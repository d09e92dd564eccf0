"""A whole run: start everything, measure round by round, and return what is written to `bench.json`."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from oo_bench.chains import catalogue
from oo_bench.chains.side import Side
from oo_bench.http_caller import HttpCaller
from oo_bench.machine import commit, machine
from oo_bench.options import Options
from oo_bench.plan import PLAN, steps
from oo_bench.processes import Processes
from oo_bench.progress import Progress
from oo_bench.ranker import write_ranker
from oo_bench.ratios import find_ratios
from oo_bench.results import Bench, Measurement, Storage
from oo_bench.rounds import Rounds
from oo_bench.server_timing import measure_server_timing
from oo_bench.stack_figures import STACK_FIGURES, Figures, measure_first_training, measure_stack
from oo_bench.usage import memory_mb

__all__ = ["run"]

TIMED_CALLS_PER_SECOND = 200  # of a round: so many replies are asked where their time went


def run(options: Options) -> Bench:
    """Measure what the options ask for.

    Raises:
        ProcessEnded: a process ended while it was measured, or did not start.
        VerificationFailed: a side answers something else than it should.
    """
    began, load_at_start = datetime.now(UTC), os.getloadavg()[0]
    clock = time.monotonic()
    with tempfile.TemporaryDirectory() as name, Processes(Path(name)) as processes:
        write_ranker(Path(name))
        sides, records = catalogue.start(processes, Path(name), options.only)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured = runner.run(measure(sides, options, processes))
        memory = {side.name: memory_mb(side.pids) for side in sides if side.pids}
    found = {**find_ratios(measured.measurements), **measured.figures}
    ranges = {name: spread for name, spread in found.items() if spread is not None}
    return Bench(
        started_at=began.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 1),
        commit=commit(),
        machine=machine(load_at_start),
        rounds=options.rounds,
        seconds_per_round=options.seconds,
        candidates=options.candidates,
        sides=records,
        measurements=measured.measurements,
        storage=measured.storage,
        memory_mb=memory,
        server_timing_ms=measured.server_timing,
        ratios={name: spread.median for name, spread in ranges.items()},
        ratio_ranges=ranges,
        left_out={name: "its sides were not measured" for name, spread in found.items() if spread is None},
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """What the processes of a run were asked; `figures` has what is no ratio of measurements."""

    measurements: tuple[Measurement, ...]
    server_timing: dict[int, dict[str, float]]
    storage: tuple[Storage, ...] = ()
    figures: Figures = field(default_factory=lambda: dict.fromkeys(STACK_FIGURES))


async def measure(sides: Sequence[Side], options: Options, processes: Processes) -> Measured:
    """Measure all steps, and what a whole stack stores, consumes and learns from, and tell of the progress."""
    todo = tuple(steps(PLAN, sides, options.candidates, options.rounds))
    progress = Progress(len(todo), options.rounds)
    rounds = Rounds(options.seconds, processes.check)
    stack = next((side for side in sides if side.layout is not None), None)
    training: Figures = {}
    if stack is not None:
        progress.tell(f"simulating {options.simulated_days} days, and training on them {options.rounds} times")
        training = await measure_first_training(stack, options)
    progress.tell(f"warming up {', '.join(side.name for side in sides)}")
    await rounds.warm_up(sides, options.candidates)
    progress.began = time.monotonic()
    for step in todo:
        progress.step(step, await rounds.measure(step))
    timing = await _server_timing(rounds, options)
    if stack is None:
        return Measured(rounds.measurements(), timing)
    progress.tell("measuring what is stored and consumed")
    storage, figures = await measure_stack(stack, rounds.callers, options)
    return Measured(rounds.measurements(), timing, storage, {**training, **figures})


async def _server_timing(rounds: Rounds, options: Options) -> dict[int, dict[str, float]]:
    callers = {count: rounds.callers.get(("ours", count)) for count in options.candidates}
    return {
        count: await measure_server_timing(caller, round(TIMED_CALLS_PER_SECOND * options.seconds))
        for count, caller in callers.items()
        if isinstance(caller, HttpCaller)
    }
