"""The figures of reports, as values; matplotlib is loaded only when a page is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oo_pipelines.report.html_report import BEFORE_COLOUR, COLOURS, INK, figure

__all__ = ["Course", "Dot", "Figure", "Forest", "Line", "States", "render_figure"]

WIDTH, HEIGHT = 3.6, 2.0  # inches; the page scales them to a third of its width, or to all of a phone's
MIN_ROWS = 3  # a plot is at least as high as for so many rows
FONT = 8.5
MAX_LABEL_LENGTH = 24  # characters of a label
STATES = (("closed", COLOURS[0]), ("shown, open", COLOURS[4]), ("never seen", BEFORE_COLOUR))
MAX_LEGEND_LINES = 9  # a plot of more lines has no legend


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval, a wider interval around it, and beside it another value, drawn hollow."""

    label: str
    value: float
    lower: float
    upper: float
    wide_lower: float = math.nan
    wide_upper: float = math.nan
    hollow: float | None = None


@dataclass(frozen=True, slots=True)
class Forest:
    """Dots below each other."""

    caption: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A value over time in its band."""

    label: str
    at: tuple[datetime, ...]
    value: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """Lines over time, around zero."""

    caption: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class States:
    """How many rounds of each label are closed, shown and never seen, end to end."""

    caption: str
    rows: tuple[tuple[str, int, int, int], ...]


Figure = Forest | Course | States


def render_figure(figure: Figure) -> str:
    """Return the figure as HTML."""
    match figure:
        case Forest():
            return _forest(figure)
        case Course():
            return _course(figure)
        case States():
            return _states(figure)


def _axes(rows: int = 0) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import

    plot = Figure(figsize=(WIDTH, max(HEIGHT, 0.8 + 0.34 * rows)), layout="constrained")
    axes = plot.add_subplot()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(BEFORE_COLOUR)
    axes.tick_params(colors=INK, color=BEFORE_COLOUR, labelsize=FONT, left=False)
    axes.grid(axis="x", color=BEFORE_COLOUR, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    return plot, axes


def _labelled(axes: Any, labels: Sequence[str]) -> None:
    short = [label if len(label) <= MAX_LABEL_LENGTH else f"{label[: MAX_LABEL_LENGTH - 1]}…" for label in labels]
    axes.set_yticks(range(len(short)), short, parse_math=False)
    margin = 0.6 + max(0, MIN_ROWS - len(short)) / 2
    axes.set_ylim(len(short) - 1 + margin, -margin)


def _legend(axes: Any, **more: Any) -> None:
    axes.legend(frameon=False, fontsize=FONT, labelcolor=INK, handlelength=1.2, **more)


def _forest(forest: Forest) -> str:
    plot, axes = _axes(len(forest.dots))
    for index, dot in enumerate(forest.dots):
        colour = COLOURS[index % len(COLOURS)]
        for low, high, width in ((dot.wide_lower, dot.wide_upper, 1.2), (dot.lower, dot.upper, 4.5)):
            if math.isfinite(high - low):
                axes.hlines(index, low, high, color=colour, linewidth=width, alpha=0.55 if width > 2 else 1)
        axes.plot(dot.value, index, "o", color=colour, markersize=6)
        if dot.hollow is not None:
            axes.plot(dot.hollow, index, "o", color=INK, markerfacecolor="none", markersize=6, markeredgewidth=1.1)
    _labelled(axes, [dot.label for dot in forest.dots])
    return figure(plot, forest.caption)


def _course(course: Course) -> str:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415  # a second to import

    plot, axes = _axes()
    axes.grid(axis="y", color=BEFORE_COLOUR, alpha=0.25, linewidth=0.6)
    axes.axhline(0, color=INK, linewidth=0.8)
    for index, line in enumerate(course.lines):
        colour = COLOURS[(index + 1) % len(COLOURS)]
        axes.fill_between(line.at, line.lower, line.upper, color=colour, alpha=0.18, linewidth=0)
        axes.plot(line.at, line.value, color=colour, linewidth=1.6, label=line.label.replace("$", r"\$"))
    locator = AutoDateLocator(maxticks=5)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.xaxis.get_offset_text().set(color=INK, fontsize=FONT)
    if 1 < len(course.lines) <= MAX_LEGEND_LINES:
        _legend(axes)
    return figure(plot, course.caption)


def _states(states: States) -> str:
    labels, *counts = zip(*states.rows, strict=True)
    plot, axes = _axes(len(labels))
    left = [0] * len(labels)
    for part, (name, colour) in zip(counts, STATES, strict=True):
        axes.barh(range(len(labels)), part, 0.6, left=left, color=colour, label=name)
        left = [start + count for start, count in zip(left, part, strict=True)]
    _labelled(axes, labels)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=6)
    _legend(axes, ncols=len(STATES), loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, columnspacing=1.2)
    return figure(plot, states.caption)
