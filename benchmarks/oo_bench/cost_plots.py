"""The plots of what a round costs: time in the transformer, CPU time, bytes and memory, each bar made of its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from oo_pipelines.report.html_report import INK, figure

from oo_bench.plot_axes import BARS, FONT, OURS, label_rows, make_axes, title_of
from oo_bench.results import Bench
from oo_bench.usage import CLIENT

__all__ = ["cpu_plot", "memory_plot", "storage_plot", "timing_plot"]


def _stacked(rows: Mapping[str, Mapping[str, float]], caption: str, show: Callable[[float], str]) -> str:
    """Return bars of parts, end to end, the largest part first."""
    totals: dict[str, float] = {}
    for parts in rows.values():
        for name, value in parts.items():
            totals[name] = totals.get(name, 0.0) + value
    plot, axes = make_axes(len(rows) + 3)
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
    label_rows(axes, list(rows))
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
        f"{title_of(bench, item.side)}, {item.candidates}": {
            name: ms for name, ms in item.cpu_ms.items() if name != CLIENT
        }
        for item in sorted(bench.measurements, key=lambda item: item.candidates)
        if item.load == "open-100" and item.side in OURS
    }
    return _stacked(rows, "CPU ms of a round by process, 100 rounds a second", lambda ms: f"{ms:.1f}") if rows else None


def timing_plot(bench: Bench) -> str | None:
    """Return where the time of a call goes in the transformer."""
    rows = {f"{count} candidates": _parts_of_total(parts) for count, parts in bench.server_timing_ms.items()}
    return _stacked(rows, "ms of a call in the transformer, by its server-timing", "{:.2f}".format) if rows else None


def _parts_of_total(parts: Mapping[str, float]) -> dict[str, float]:
    """Return the parts with what no part of the total accounts for, in place of the total."""
    named = {name: ms for name, ms in parts.items() if name != "total"}
    rest = parts.get("total", 0.0) - sum(named.values())
    return {**named, "other": rest} if rest > 0 else named


def storage_plot(bench: Bench) -> str | None:
    """Return the bytes of a round by store."""
    rows = {f"{item.candidates} candidates": item.bytes_per_round for item in bench.storage}
    return _stacked(rows, "bytes of a round by store", lambda size: f"{size:,.0f}") if rows else None


def memory_plot(bench: Bench) -> str | None:
    """Return the memory of each side by process."""
    rows = {title_of(bench, name): parts for name, parts in bench.memory_mb.items()}
    return _stacked(rows, "memory in MB by process, after the run", lambda size: f"{size:,.0f}") if rows else None
