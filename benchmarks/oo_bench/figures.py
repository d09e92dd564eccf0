"""Figures of calls: percentiles of a round, and the median over rounds with its range."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from oo_bench.load import ANSWERED, LoadResult
from oo_bench.results import Measurement, RoundFigures, Spread

__all__ = ["latencies", "measurement", "missed", "percentile", "round_figures", "spread"]


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return a percentile, or None of nothing."""
    return float(np.percentile(values, percent)) if len(values) else None


def latencies(result: LoadResult) -> list[float]:
    """Return the ms of the calls that were answered."""
    return [ms for outcome, ms in result.calls if outcome == ANSWERED]


def missed(results: Iterable[LoadResult]) -> dict[str, int]:
    """Return how many calls were missed, by reason."""
    counts = Counter(outcome for result in results for outcome, _ in result.calls if outcome != ANSWERED)
    return dict(sorted(counts.items()))


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return median and range of the rounds that have the figure."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    return Spread(
        median=statistics.median(numbers), lowest=min(numbers), highest=max(numbers), rounds=len(numbers)
    )  # fmt: skip


def round_figures(result: LoadResult, cpu_s: Mapping[str, float], calls_in_cpu: int) -> RoundFigures:
    """Return the figures of one round; the CPU seconds are those of `calls_in_cpu` calls."""
    answered = latencies(result)
    return RoundFigures(
        calls=len(result.calls),
        answered=len(answered),
        missed=missed([result]),
        seconds=result.seconds,
        answered_per_s=len(answered) / result.seconds,
        p50_ms=percentile(answered, 50),
        p99_ms=percentile(answered, 99),
        cpu_ms={name: seconds * 1000 / calls_in_cpu for name, seconds in cpu_s.items()},
        delay_p99_ms=percentile(result.delays, 99),
    )


def measurement(
    side: str, load: str, candidates: int, results: Sequence[LoadResult], rounds: Sequence[RoundFigures]
) -> Measurement:
    """Return all rounds of a side under a load as one measurement."""
    throughput = spread(figures.answered_per_s for figures in rounds)
    if throughput is None:
        raise ValueError(f"{side} has no rounds under {load}")
    return Measurement(
        side=side,
        load=load,
        candidates=candidates,
        rounds=tuple(rounds),
        calls=sum(figures.calls for figures in rounds),
        missed=missed(results),
        p50_ms=spread(figures.p50_ms for figures in rounds),
        p99_ms=spread(figures.p99_ms for figures in rounds),
        p999_ms=percentile([ms for result in results for ms in latencies(result)], 99.9),
        answered_per_s=throughput,
        cpu_ms={name: statistics.median(figures.cpu_ms[name] for figures in rounds) for name in rounds[0].cpu_ms},
    )
