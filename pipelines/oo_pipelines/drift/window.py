"""Drift of a store's decisions: a window against the same hours and weekdays of earlier weeks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from oo_consumers.effect_store import Store
from oo_contracts.events import ScoreDecision
from oo_features.feature_set import FeatureSet

from oo_pipelines.drift.feature_drift import DriftReport, DriftSample, compare
from oo_pipelines.progress_bar import Progress

__all__ = ["WEEKS", "BadSpan", "DriftResult", "Span", "compare_windows"]

WEEKS = 4  # earlier weeks that make the reference, unless it is named
WEEK = timedelta(days=7)
SLACK = timedelta(hours=12)  # a day of few users may begin late
PROGRESS_INTERVAL = 500  # decisions between two reports of progress


class BadSpan(ValueError):
    """A span of time that ends before it begins, or overlaps the window."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time from `since` until `until`, which is excluded."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise BadSpan(f"{self} ends before it begins")

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%dT%H:%M}..{self.until:%Y-%m-%dT%H:%M}"

    def earlier(self, by: timedelta) -> Span:
        """Return the span moved back by a duration."""
        return Span(self.since - by, self.until - by)


@dataclass(frozen=True, slots=True)
class DriftResult:
    """The report, the two samples behind its plots, and the names of their columns."""

    drift: DriftReport
    window: Span
    reference: tuple[Span, ...]
    names: tuple[str, ...]
    before: DriftSample
    now: DriftSample


@dataclass(slots=True)
class _Rows:
    """Rounds as they are read: of each one candidate's row, drawn at random, so that a long list counts once."""

    features: FeatureSet
    draw: np.random.Generator
    values: list[tuple[float, ...]] = field(default_factory=list)
    fell_back: list[list[bool]] = field(default_factory=list)
    user: list[str] = field(default_factory=list)
    set_aside: Counter[str] = field(default_factory=Counter)

    def add(self, decision: ScoreDecision) -> None:
        if decision.feature_set != self.features.ref:
            self.set_aside[decision.feature_set] += 1
        elif decision.candidates:
            fallen = {item.feature for item in decision.fallbacks}
            self.values.append(decision.candidates[int(self.draw.integers(len(decision.candidates)))].row)
            self.fell_back.append([name in fallen for name in self.features.names])
            self.user.append(decision.user_id)


def compare_windows(
    store: Store,
    features: FeatureSet,
    window: Span,
    reference: Span | None,
    progress: Progress,
    *,
    alpha: float = 0.01,
    seed: int = 1,
) -> DriftResult:
    """Read both windows from the store, then compare them.

    Without a named reference it is the same hours and weekdays of the WEEKS before, so that the clock's own features
    may be compared too; a week that the store does not have whole is left out. With one, they are left out unless both
    are whole weeks.

    Raises:
        BadSpan: the reference reaches into the window.
        StoreError: the database refused or cannot be reached.
    """
    spans = (reference,) if reference else _weeks_before(window, store.first_decided())
    if any(item.until > window.since and item.since < window.until for item in spans):
        raise BadSpan(f"the reference {spans[0]} overlaps the window {window}")
    draw = np.random.default_rng(seed)
    rows = _Rows(features, draw), _Rows(features, draw)
    _read(store, spans, rows[0], "reference", progress)
    _read(store, (window,), rows[1], "window", progress)
    before, now = _samples(*rows)
    clock = () if reference is None or _whole_weeks(reference, window) else _of_the_clock(features)
    comparison = compare(before, now, features.names, alpha=alpha, seed=seed, left_out=clock)
    excluded = dict(rows[0].set_aside + rows[1].set_aside)
    return DriftResult(replace(comparison, set_aside=excluded), window, spans, features.names, before, now)


def _weeks_before(window: Span, first: datetime | None) -> tuple[Span, ...]:
    """Return the same span some weeks earlier; a longer window steps back by as many whole weeks as it touches.

    Half a week has other weekdays than a whole one: what begins before the `first` decision is left out.
    """
    step = -(-(window.until - window.since) // WEEK) * WEEK
    spans = (window.earlier(count * step) for count in range(1, WEEKS + 1))
    return tuple(span for span in spans if first is not None and span.since >= first.astimezone(UTC) - SLACK)


def _whole_weeks(*spans: Span) -> bool:
    return not any((item.until - item.since) % WEEK for item in spans)


def _of_the_clock(features: FeatureSet) -> tuple[str, ...]:
    return tuple(item.full_name for item in features.features if item.source == "clock")


def _read(store: Store, spans: Sequence[Span], into: _Rows, title: str, progress: Progress) -> None:
    total = sum(store.count_decided(item.since, item.until) for item in spans)
    done = 0
    for span in spans:
        for item in store.decisions(span.since, span.until):
            into.add(item)
            done += 1
            if done % PROGRESS_INTERVAL == 0 or done == total:
                progress(f"reading the {title}", done, total)


def _samples(*parts: _Rows) -> tuple[DriftSample, ...]:
    users = {name: number for number, name in enumerate(sorted({name for part in parts for name in part.user}))}
    return tuple(
        DriftSample(
            np.array(part.values, dtype=np.float64).reshape(len(part.user), len(part.features.names)),
            np.array(part.fell_back, dtype=np.bool_).reshape(len(part.user), len(part.features.names)),
            np.array([users[name] for name in part.user], dtype=np.int64),
        )
        for part in parts
    )
