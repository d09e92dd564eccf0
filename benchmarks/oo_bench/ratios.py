"""The ratios of a run: one number by name, of pairs of measurements of the same rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from oo_bench.figures import spread
from oo_bench.results import Measurement, RoundFigures, Spread

__all__ = ["RATIOS", "Figure", "Ratio", "find_ratios"]

Figure = Callable[[RoundFigures], float | None]


def p50(figures: RoundFigures) -> float | None:
    """Return the median latency."""
    return figures.p50_ms


def p99(figures: RoundFigures) -> float | None:
    """Return the 99th percentile of the latencies."""
    return figures.p99_ms


def throughput(figures: RoundFigures) -> float | None:
    """Return the answered calls a second."""
    return figures.answered_per_s


def service_cpu(figures: RoundFigures) -> float | None:
    """Return the CPU ms per call of everything but the client."""
    return sum(ms for name, ms in figures.cpu_ms.items() if name != "client")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure of a side, divided by that of another side in the same round; without one it stands alone."""

    figure: Figure
    side: str
    load: str
    candidates: int
    other: str | None = None

    def over_rounds(self, measurements: Iterable[Measurement]) -> Spread | None:
        """Return the ratio of each round as median and range; None where a side was not measured."""
        by_side = {
            item.side: item
            for item in measurements
            if (item.load, item.candidates) == (self.load, self.candidates) and item.side in {self.side, self.other}
        }
        if len(by_side) < len({self.side, self.other} - {None}):
            return None
        numbers = [self.figure(figures) for figures in by_side[self.side].rounds]
        if self.other is None:
            return spread(numbers)
        others = [self.figure(figures) for figures in by_side[self.other].rounds]
        return spread(left / right if left and right else None for left, right in zip(numbers, others, strict=True))


RATIOS = {
    "score_p50_vs_stock_10": Ratio(p50, "ours", "closed-1", 10, "stock"),
    "score_p50_vs_stock_50": Ratio(p50, "ours", "closed-1", 50, "stock"),
    "score_rps16_vs_stock_10": Ratio(throughput, "ours", "closed-16", 10, "stock"),
    "score_rps16_vs_stock_50": Ratio(throughput, "ours", "closed-16", 50, "stock"),
    "score_p99_300rps_vs_stock": Ratio(p99, "ours", "open-300", 10, "stock"),
    "score_p50_vs_floor": Ratio(p50, "ours", "closed-1", 10, "floor"),
    "envoy_p99_300rps_ms": Ratio(p99, "envoy", "open-300", 10),
    "cpu_ms_per_round_10": Ratio(service_cpu, "stack", "open-100", 10),
    "cpu_ms_per_round_50": Ratio(service_cpu, "stack", "open-100", 50),
}


def find_ratios(measurements: Iterable[Measurement]) -> dict[str, Spread | None]:
    """Return every ratio; None for one whose sides were not measured."""
    found = tuple(measurements)
    return {name: ratio.over_rounds(found) for name, ratio in RATIOS.items()}
