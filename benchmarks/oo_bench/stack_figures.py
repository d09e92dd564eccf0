"""The figures that only a whole stack has: what rounds leave behind, what an event costs, and how quick training is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import psutil

from oo_bench.chains.side import Side
from oo_bench.decision_sample import last_decision
from oo_bench.event_backlog import Backlog
from oo_bench.figures import spread
from oo_bench.load import Caller
from oo_bench.options import Options
from oo_bench.results import Spread, Storage
from oo_bench.storage import event_bytes_per_candidate, measure_storage
from oo_bench.training import measure_training

__all__ = ["STACK_FIGURES", "Figures", "measure_first_training", "measure_stack"]

STACK_FIGURES = ("train_rows_per_s", "event_bytes_per_candidate", "consumer_events_per_cpu_s")
EVENTS_PER_SECOND = 1_000  # of a round: so many events are in its backlog
STORAGE_ROUNDS = 2  # seconds of calls, in rounds of the benchmark
SAMPLE_CANDIDATES = 10  # in the decision of the backlog
Figures = dict[str, Spread | None]


async def measure_stack(
    stack: Side, callers: Mapping[tuple[str, int], Caller], options: Options
) -> tuple[tuple[Storage, ...], Figures]:
    """Return what rounds of each number of candidates store, and the figures of events by name."""
    storage = [
        await measure_storage(stack, callers[stack.name, count], count, STORAGE_ROUNDS * options.seconds)
        for count in options.candidates
    ]
    growth = event_bytes_per_candidate(storage)
    costs = await _backlogs(stack, callers, options) if SAMPLE_CANDIDATES in options.candidates else []
    return tuple(storage), dict(zip(STACK_FIGURES[1:], (spread([growth]), spread(costs)), strict=True))


async def measure_first_training(stack: Side, options: Options) -> Figures:
    """Return the rows a second of trainings, while nothing but a simulated world is in the stores.

    Raises:
        ProcessEnded: the simulation or a training failed.
    """
    if stack.layout is None:
        return {}
    rates = await asyncio.to_thread(measure_training, stack.layout, options.rounds, options.simulated_days)
    return {STACK_FIGURES[0]: spread(rates)}


async def _backlogs(stack: Side, callers: Mapping[tuple[str, int], Caller], options: Options) -> list[float]:
    """Return the events per CPU-second of one backlog in each round."""
    if stack.layout is None:
        return []
    await callers[stack.name, SAMPLE_CANDIDATES].call()
    sample = await last_decision(stack.layout.nats_url)
    backlog = Backlog(stack.layout.nats_url, psutil.Process(stack.pids["consumers"]), sample)
    events = round(EVENTS_PER_SECOND * options.seconds)
    return [await backlog.events_per_cpu_second(events) for _ in range(options.rounds)]
