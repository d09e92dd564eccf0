"""The plots of a run, each as HTML: what took how long, what it cost, and how ours stands to the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oo_pipelines.report.html_report import BEFORE_COLOUR, COLOURS, INK, NOW_COLOUR, figure

from oo_bench.results import Bench, Measurement
from oo_bench.usage import CLIENT

__all__ = ["cpu_plot", "latency_plot", "memory_plot", "rate_plot", "ratio_plot", "storage_plot", "throughput_plot"]

WIDTH, ROW_HEIGHT, MARGIN = 5.2, 0.3, 0.9  # inches
FONT = 8.5
OURS = ("ours", "envoy", "stack")  # drawn in colour; others are grey
BARS = (*COLOURS, "#6b7d2c", "#4a5a8a", "#b07d62", "#2c8c99")
LOADS = {"closed-1": "one caller", "closed-16": "16 callers"}


def _axes(rows: int, *, log: bool = False) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import

    plot = Figure(figsize=(WIDTH, MARGIN + ROW_HEIGHT * max(rows, 4)), layout="constrained")
    axes = plot.add_subplot()
    for edge in ("top", "right", "left"):
        axes.spines[edge].set_visible(False)
    axes.spines["bottom"].set_color(BEFORE_COLOUR)
    axes.tick_params(which="both", colors=INK, color=BEFORE_COLOUR, labelsize=FONT, left=False)
    axes.grid(axis="x", color=BEFORE_COLOUR, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    return plot, axes


def _rows(axes: Any, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set_ylim(len(labels) - 0.4, -0.6)


def _title(bench: Bench, name: str) -> str:
    return next(side.title for side in bench.sides if side.name == name)


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
    plot, axes = _axes(len(measured), log=True)
    for row, item in enumerate(measured):
        colour = _colour(item.side)
        assert item.p50_ms
        assert item.p99_ms
        axes.hlines(row, item.p50_ms.median, item.p99_ms.median, color=colour, linewidth=4, alpha=0.5)
        axes.plot(item.p50_ms.median, row, "o", color=colour, markersize=7)
        axes.plot(item.p99_ms.median, row, "|", color=colour, markersize=11, markeredgewidth=2)
        if item.p999_ms:
            axes.plot(item.p999_ms, row, "x", color=colour, markersize=5)
    _rows(axes, [_title(bench, item.side) for item in measured])
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
    plot, axes = _axes(6, log=True)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="y", color=BEFORE_COLOUR, alpha=0.25, linewidth=0.6)
    for index, (name, points) in enumerate(lines.items()):
        rates, values = zip(*sorted(points), strict=True)
        axes.plot(rates, values, "o-", color=BARS[index % len(BARS)], label=_title(bench, name), markersize=4)
    axes.set_xlabel("calls a second", color=INK, fontsize=FONT)
    axes.legend(frameon=False, fontsize=FONT - 1, labelcolor=INK)
    return figure(plot, f"p99 in ms of an open loop, {candidates} candidates, from the intended start of each call")


def throughput_plot(bench: Bench, candidates: int) -> str | None:
    """Return the answers a second to 16 callers."""
    measured = _of(bench, "closed-16", candidates)
    if not measured:
        return None
    plot, axes = _axes(len(measured))
    for row, item in enumerate(measured):
        spread = item.answered_per_s
        axes.barh(row, spread.median, 0.6, color=_colour(item.side))
        axes.hlines(row, spread.lowest, spread.highest, color=INK, linewidth=1.2)
    _rows(axes, [_title(bench, item.side) for item in measured])
    return figure(plot, f"answers a second to 16 callers, {candidates} candidates; the line is the range of rounds")


def _stacked(rows: Mapping[str, Mapping[str, float]], caption: str, show: Callable[[float], str]) -> str:
    """Return bars of parts, end to end, the largest part first."""
    totals: dict[str, float] = {}
    for parts in rows.values():
        for name, value in parts.items():
            totals[name] = totals.get(name, 0.0) + value
    plot, axes = _axes(len(rows) + 3)
    left = [0.0] * len(rows)
    for index, name in enumerate(sorted(totals, key=lambda part: -totals[part])):
        values = [parts.get(name, 0.0) for parts in rows.values()]
        axes.barh(range(len(rows)), values, 0.6, left=left, color=BARS[index % len(BARS)], label=name)
        left = [start + value for start, value in zip(left, values, strict=True)]
    for row, total in enumerate(left):
        axes.annotate(
            show(total), (total, row), (4, 0), textcoords="offset points", color=INK, fontsize=FONT, va="center"
        )
    axes.margins(x=0.12)
    _rows(axes, list(rows))
    axes.legend(
        frameon=False,
        fontsize=FONT - 1.5,
        labelcolor=INK,
        ncols=3,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderpad=0,
    )
    return figure(plot, caption)


def cpu_plot(bench: Bench) -> str | None:
    """Return the CPU time of a round by process, of each of ours and of the stock chain."""
    rows = {
        f"{_title(bench, item.side)}, {item.candidates}": {
            name: ms for name, ms in item.cpu_ms.items() if name != CLIENT
        }
        for item in sorted(bench.measurements, key=lambda item: item.candidates)
        if item.load == "open-100" and item.side in OURS
    }
    return _stacked(rows, "CPU ms of a round by process, 100 rounds a second", lambda ms: f"{ms:.1f}") if rows else None


def storage_plot(bench: Bench) -> str | None:
    """Return the bytes of a round by store."""
    rows = {f"{item.candidates} candidates": item.bytes_per_round for item in bench.storage}
    return _stacked(rows, "bytes of a round by store", lambda size: f"{size:,.0f}") if rows else None


def memory_plot(bench: Bench) -> str | None:
    """Return the memory of each side by process."""
    rows = {_title(bench, name): parts for name, parts in bench.memory_mb.items()}
    return _stacked(rows, "memory in MB by process, after the run", lambda size: f"{size:,.0f}") if rows else None


def ratio_plot(bench: Bench) -> str | None:
    """Return how ours stands to the others, with the range of rounds; left of 1 is less."""
    names = [name for name in bench.ratios if "_vs_" in name]
    if not names:
        return None
    plot, axes = _axes(len(names), log=True)
    axes.axvline(1, color=INK, linewidth=0.8)
    for row, name in enumerate(names):
        spread = bench.ratio_ranges[name]
        axes.hlines(row, spread.lowest, spread.highest, color=NOW_COLOUR, linewidth=4, alpha=0.5)
        axes.plot(spread.median, row, "o", color=NOW_COLOUR, markersize=7)
    _rows(axes, names)
    return figure(plot, "ours divided by the other side of the same round: median and range")
