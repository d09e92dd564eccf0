"""Regret curves for a browser: what learning cost each policy, with the band of its mean over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import cycle
from typing import Any

from oo_experiments.simulation.simulator import RegretCurve

from oo_pipelines.report.html_report import COLOURS, INK, figure, html_page, html_table

__all__ = ["regret_page"]


def regret_page(world: str, seeds: int, curves: Sequence[RegretCurve]) -> str:
    """Return the curves as an HTML document; each must have the same number of rounds."""
    return html_page(f"Regret in the world {world}", _parts(world, seeds, curves))


def _parts(world: str, seeds: int, curves: Sequence[RegretCurve]) -> Iterator[str]:
    rounds = curves[0].rounds[-1]
    yield f"<h1>Regret in the world {escape(world)}</h1>"
    yield f"<p>{rounds:,} rounds, {seeds} seeds; all policies meet the same situations with the same luck</p>"
    by_regret = sorted(curves, key=lambda curve: curve.mean[-1])
    yield html_table(
        ("policy", "regret", "from", "to"),
        [(item.policy, item.mean[-1], item.low[-1], item.high[-1]) for item in by_regret],
    )
    yield figure(_plot(curves), "Summed regret by round: mean over seeds, and a 95 % interval of that mean")


def _plot(curves: Sequence[RegretCurve]) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import

    plot = Figure(figsize=(8, 4), layout="constrained")
    axes = plot.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)
    for curve, colour in zip(curves, cycle(COLOURS), strict=False):
        axes.fill_between(curve.rounds, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(curve.rounds, curve.mean, color=colour, label=curve.policy)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9, loc="upper left")
    return plot
