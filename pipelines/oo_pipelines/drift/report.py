"""The drift report for a browser: what alarmed first, each feature then and now."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from oo_pipelines.drift.features import LEVELS, FeatureDrift
from oo_pipelines.drift.window import Outcome
from oo_pipelines.page import BEFORE, INK, NOW, figure, page, table

__all__ = ["drift_page"]

COLUMNS = ("feature", "alarm", "test", "PSI", "q", "fell back before", "fell back now", "q of that")
WIDEST = 40  # bars of a histogram


def drift_page(of: Outcome) -> str:
    """A document of its own; a report without enough data has no plots."""
    return page(f"Drift {of.window}", _parts(of))


def _parts(of: Outcome) -> Iterator[str]:
    found = of.drift
    yield f"<h1>Drift: {'<span class=bad>' if found.verdict == 'drift' else '<span>'}{found.verdict}</span></h1>"
    yield f"<p>{of.window}: {found.rounds_now:,} rounds of {found.users_now:,} users</p>"
    spans = ", ".join(map(str, of.reference)) or "no whole week before"
    yield f"<p>against {escape(spans)}: {found.rounds_before:,} rounds of {found.users_before:,} users</p>"
    for name, count in found.set_aside.items():
        yield f"<p>{count:,} rounds of {escape(name)} have other features and were left out</p>"
    if found.features:
        bad = [place for place, item in enumerate(found.features) if item.alarms]
        yield table(COLUMNS, map(_row, found.features), bad)
        yield "<h2>Then (grey) and now (orange)</h2>"
        yield f'<div class="grid">{"".join(_plot(of, item) for item in found.features)}</div>'


def _row(of: FeatureDrift) -> tuple[Any, ...]:
    rates = of.fallback_before, of.fallback_now, of.fallback_q
    return of.feature, ", ".join(of.alarms), of.test, of.psi, of.q, *rates


def _plot(of: Outcome, item: FeatureDrift) -> str:
    from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import

    place = of.names.index(item.feature)
    parts = [part.values[~part.fell_back[:, place], place] for part in (of.before, of.now)]
    drawn = Figure(figsize=(4, 1.9), layout="constrained")
    axes = drawn.add_subplot()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.tick_params(colors=INK, labelsize=8, left=False, labelleft=False)
    _bars(axes, parts)
    said = f"{item.feature}{' — ' + ', '.join(item.alarms) if item.alarms else ''}"
    return figure(drawn, f"{said}; fell back {item.fallback_before:.1%} → {item.fallback_now:.1%}")


def _bars(axes: Any, parts: list[Any]) -> None:
    """Shares, so that a month and a day can be laid over each other."""
    both = np.concatenate(parts)
    levels = np.unique(both)
    if not len(both):
        return
    if len(levels) <= LEVELS:
        for part, shift, colour in zip(parts, (-0.2, 0.2), (BEFORE, NOW), strict=True):
            shares = [(part == level).mean() if len(part) else 0 for level in levels]
            axes.bar(np.arange(len(levels)) + shift, shares, 0.4, color=colour)
        axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        return
    edges = np.histogram_bin_edges(both, min(WIDEST, len(levels)))
    for part, colour in zip(parts, (BEFORE, NOW), strict=True):
        weights = np.full(len(part), 1 / max(1, len(part)))
        axes.hist(part, edges, weights=weights, histtype="stepfilled", alpha=0.35, color=colour)
        axes.hist(part, edges, weights=weights, histtype="step", color=colour, linewidth=1.5)
