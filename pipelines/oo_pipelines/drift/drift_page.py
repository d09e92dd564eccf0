"""The drift report for a browser: what alarmed first, and each feature before and now."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from oo_pipelines.drift.feature_drift import MAX_LEVELS, FeatureDrift
from oo_pipelines.drift.window import DriftResult
from oo_pipelines.report.html_report import BEFORE_COLOUR, INK, NOW_COLOUR, figure, html_page, html_table

__all__ = ["drift_page"]

COLUMNS = ("feature", "alarm", "test", "PSI", "q", "fell back before", "fell back now", "q of that")
MAX_BARS = 40  # bars of a histogram


def drift_page(outcome: DriftResult) -> str:
    """Return the report as an HTML document; a report without enough data has no plots."""
    return html_page(f"Drift {outcome.window}", _parts(outcome))


def _parts(outcome: DriftResult) -> Iterator[str]:
    report = outcome.drift
    yield f"<h1>Drift: {'<span class=bad>' if report.verdict == 'drift' else '<span>'}{report.verdict}</span></h1>"
    yield f"<p>{outcome.window}: {report.rounds_now:,} rounds of {report.users_now:,} users</p>"
    spans = ", ".join(map(str, outcome.reference)) or "no whole week before"
    yield f"<p>against {escape(spans)}: {report.rounds_before:,} rounds of {report.users_before:,} users</p>"
    for name, count in report.set_aside.items():
        yield f"<p>{count:,} rounds of {escape(name)} have other features and were left out</p>"
    if report.features:
        bad = [index for index, item in enumerate(report.features) if item.alarms]
        yield html_table(COLUMNS, map(_row, report.features), bad)
        yield "<h2>Then (grey) and now (orange)</h2>"
        yield f'<div class="grid">{"".join(_plot(outcome, item) for item in report.features)}</div>'


def _row(drift: FeatureDrift) -> tuple[Any, ...]:
    rates = drift.fallback_before, drift.fallback_now, drift.fallback_q
    return drift.feature, ", ".join(drift.alarms), drift.test, drift.psi, drift.q, *rates


def _plot(outcome: DriftResult, item: FeatureDrift) -> str:
    from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import

    index = outcome.names.index(item.feature)
    parts = [part.values[~part.fell_back[:, index], index] for part in (outcome.before, outcome.now)]
    plot = Figure(figsize=(4, 1.9), layout="constrained")
    axes = plot.add_subplot()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.tick_params(colors=INK, labelsize=8, left=False, labelleft=False)
    _bars(axes, parts)
    title = f"{item.feature}{' — ' + ', '.join(item.alarms) if item.alarms else ''}"
    return figure(plot, f"{title}; fell back {item.fallback_before:.1%} → {item.fallback_now:.1%}")


def _bars(axes: Any, parts: list[Any]) -> None:
    """Draw shares of rounds, so that a month and a day can be laid over each other."""
    both = np.concatenate(parts)
    levels = np.unique(both)
    if not len(both):
        return
    if len(levels) <= MAX_LEVELS:
        for part, shift, colour in zip(parts, (-0.2, 0.2), (BEFORE_COLOUR, NOW_COLOUR), strict=True):
            shares = [(part == level).mean() if len(part) else 0 for level in levels]
            axes.bar(np.arange(len(levels)) + shift, shares, 0.4, color=colour)
        axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        return
    edges = np.histogram_bin_edges(both, min(MAX_BARS, len(levels)))
    for part, colour in zip(parts, (BEFORE_COLOUR, NOW_COLOUR), strict=True):
        weights = np.full(len(part), 1 / max(1, len(part)))
        axes.hist(part, edges, weights=weights, histtype="stepfilled", alpha=0.35, color=colour)
        axes.hist(part, edges, weights=weights, histtype="step", color=colour, linewidth=1.5)
