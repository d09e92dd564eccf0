"""The plots of how quick the sides are, each as HTML, and of how ours stands to the others."""

from __future__ import annotations

from oo_pipelines.report.html_report import BEFORE_COLOUR, INK, NOW_COLOUR, figure

from oo_bench.plot_axes import BARS, FONT, OURS, label_rows, make_axes, scale_by_log, title_of
from oo_bench.results import Bench, Measurement

__all__ = ["latency_plot", "rate_plot", "ratio_plot", "throughput_plot"]

LOADS = {"closed-1": "one caller", "closed-16": "16 callers"}


def _of(bench: Bench, load: str, candidates: int) -> list[Measurement]:
    """Return the measurements of a load, in the order of the sides."""
    order = [side.name for side in bench.sides]
    chosen = [item for item in bench.measurements if (item.load, item.candidates) == (load, candidates)]
    return sorted(chosen, key=lambda item: order.index(item.side))


def _colour(side: str) -> str:
    return NOW_COLOUR if side in OURS else BEFORE_COLOUR


def latency_plot(bench: Bench, load: str, candidates: int) -> str | None:
    """Return p50, p99 and p99.9 of each side: a dot, a line and a mark at its end."""
    measured = [item for item in _of(bench, load, candidates) if item.p50_ms and item.p99_ms]
    if not measured:
        return None
    plot, axes = make_axes(len(measured), log=True)
    for row, item in enumerate(measured):
        colour = _colour(item.side)
        assert item.p50_ms
        assert item.p99_ms
        axes.hlines(row, item.p50_ms.median, item.p99_ms.median, color=colour, linewidth=4, alpha=0.5)
        axes.plot(item.p50_ms.median, row, "o", color=colour, markersize=7)
        axes.plot(item.p99_ms.median, row, "|", color=colour, markersize=11, markeredgewidth=2)
        if item.p999_ms:
            axes.plot(item.p999_ms, row, "x", color=colour, markersize=5)
    label_rows(axes, [title_of(bench, item.side) for item in measured])
    axes.set_xlabel("ms", color=INK, fontsize=FONT)
    return figure(plot, f"{candidates} candidates, {LOADS.get(load, load)}: p50 (dot), p99 (bar), p99.9 (cross)")


def rate_plot(bench: Bench, candidates: int) -> str | None:
    """Return the p99 of each side by the rate of its open loop."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for item in bench.measurements:
        if item.load.startswith("open-") and item.candidates == candidates and item.p99_ms:
            lines.setdefault(item.side, []).append((float(item.load.removeprefix("open-")), item.p99_ms.median))
    if not lines:
        return None
    plot, axes = make_axes(6, log=True)
    scale_by_log(axes, "y")
    axes.grid(axis="y", color=BEFORE_COLOUR, alpha=0.25, linewidth=0.6)
    for index, (name, points) in enumerate(lines.items()):
        rates, values = zip(*sorted(points), strict=True)
        axes.plot(rates, values, "o-", color=BARS[index % len(BARS)], label=title_of(bench, name), markersize=4)
    axes.set_xlabel("calls a second", color=INK, fontsize=FONT)
    axes.legend(frameon=False, fontsize=FONT - 1, labelcolor=INK)
    return figure(plot, f"p99 in ms of an open loop, {candidates} candidates, from the intended start of each call")


def throughput_plot(bench: Bench, candidates: int) -> str | None:
    """Return the answers a second to 16 callers."""
    measured = _of(bench, "closed-16", candidates)
    if not measured:
        return None
    plot, axes = make_axes(len(measured))
    for row, item in enumerate(measured):
        spread = item.answered_per_s
        axes.barh(row, spread.median, 0.6, color=_colour(item.side))
        axes.hlines(row, spread.lowest, spread.highest, color=INK, linewidth=1.2)
    label_rows(axes, [title_of(bench, item.side) for item in measured])
    return figure(plot, f"answers a second to 16 callers, {candidates} candidates; the line is the range of rounds")


def ratio_plot(bench: Bench) -> str | None:
    """Return how ours stands to the others, with the range of rounds; left of 1 is less."""
    names = [name for name in bench.ratios if "_vs_" in name]
    if not names:
        return None
    plot, axes = make_axes(len(names), log=True)
    axes.axvline(1, color=INK, linewidth=0.8)
    for row, name in enumerate(names):
        spread = bench.ratio_ranges[name]
        axes.hlines(row, spread.lowest, spread.highest, color=NOW_COLOUR, linewidth=4, alpha=0.5)
        axes.plot(spread.median, row, "o", color=NOW_COLOUR, markersize=7)
    label_rows(axes, names)
    return figure(plot, "ours divided by the other side of the same round: median and range")
