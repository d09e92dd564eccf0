"""What all plots of a run have in common: their axes, the labels of their rows, and their colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oo_pipelines.report.html_report import BEFORE_COLOUR, COLOURS, INK

from oo_bench.results import Bench

__all__ = ["BARS", "FONT", "OURS", "label_rows", "make_axes", "scale_by_log", "title_of"]

WIDTH, ROW_HEIGHT, MARGIN = 5.2, 0.3, 0.9  # inches
FONT = 8.5
OURS = ("ours", "envoy", "stack")  # the sides that are ours
BARS = (*COLOURS, "#6b7d2c", "#4a5a8a", "#b07d62", "#2c8c99")


def make_axes(rows: int, *, log: bool = False) -> tuple[Any, Any]:
    """Return a plot of so many rows, and its axes."""
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
        scale_by_log(axes, "x")
    return plot, axes


def scale_by_log(axes: Any, name: str) -> None:
    """Give an axis a logarithmic scale, with plain numbers at 1, 2 and 5 of each power of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415  # a second to import

    getattr(axes, f"set_{name}scale")("log")
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def label_rows(axes: Any, labels: Sequence[str]) -> None:
    """Label the rows, the first at the top."""
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set_ylim(len(labels) - 0.4, -0.6)


def title_of(bench: Bench, name: str) -> str:
    """Return the title of a side."""
    return next(side.title for side in bench.sides if side.name == name)
