"""Drift of what a store holds: a window of decisions against the same hours and weekdays of earlier weeks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from oo_consumers.store import Store
from oo_contracts.events import ScoreDecision
from oo_features.feature_set import FeatureSet

from oo_pipelines.drift.features import Drift, Sample, compare

__all__ = ["WEEKS", "BadSpan", "Outcome", "Progress", "Span", "run"]

WEEKS = 4  # earlier weeks that make the reference, unless it is named
WEEK = timedelta(days=7)
SLACK = timedelta(hours=12)  # a day of few users may begin late
EVERY = 500  # decisions between two words of progress
Progress = Callable[[str, int, int], None]


class BadSpan(ValueError):
    """A span of time that ends before it begins, or overlaps the window."""


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant to another, which is not included."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise BadSpan(f"{self} ends before it begins")

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%dT%H:%M}..{self.until:%Y-%m-%dT%H:%M}"

    def earlier(self, by: timedelta) -> Span:
        return Span(self.since - by, self.until - by)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report, the two samples behind its plots, and their columns."""

    drift: Drift
    window: Span
    reference: tuple[Span, ...]
    names: tuple[str, ...]
    before: Sample
    now: Sample


@dataclass(slots=True)
class _Rows:
    """Rounds as they are read: one candidate's row of each, drawn by its request, so that a long list counts once."""

    features: FeatureSet
    draw: np.random.Generator
    values: list[tuple[float, ...]] = field(default_factory=list)
    fell_back: list[list[bool]] = field(default_factory=list)
    user: list[str] = field(default_factory=list)
    set_aside: Counter[str] = field(default_factory=Counter)

    def add(self, of: ScoreDecision) -> None:
        if of.feature_set != self.features.ref:
            self.set_aside[of.feature_set] += 1
        elif of.candidates:
            fallen = {item.feature for item in of.fallbacks}
            self.values.append(of.candidates[int(self.draw.integers(len(of.candidates)))].row)
            self.fell_back.append([name in fallen for name in self.features.names])
            self.user.append(of.user_id)


def run(
    store: Store,
    features: FeatureSet,
    window: Span,
    reference: Span | None,
    progress: Progress,
    *,
    alpha: float = 0.01,
    seed: int = 1,
) -> Outcome:
    """Read both, then compare.

    Without a named reference it is the same hours and weekdays of the WEEKS before, so that the clock's own features
    may be compared too; a week that the store does not have whole is left out. With one, they are left out unless both
    are whole weeks.

    Raises:
        BadSpan: the reference reaches into the window.
        StoreError: the database.
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
    found = compare(before, now, features.names, alpha=alpha, seed=seed, left_out=clock)
    aside = dict(rows[0].set_aside + rows[1].set_aside)
    return Outcome(replace(found, set_aside=aside), window, spans, features.names, before, now)


def _weeks_before(window: Span, first: datetime | None) -> tuple[Span, ...]:
    """The same span some weeks earlier; a longer window steps back by as many whole weeks as it touches.

    Half a week has other weekdays than a whole one: what begins before the `first` decision is left out.
    """
    step = -(-(window.until - window.since) // WEEK) * WEEK
    spans = (window.earlier(count * step) for count in range(1, WEEKS + 1))
    return tuple(span for span in spans if first is not None and span.since >= first.astimezone(UTC) - SLACK)


def _whole_weeks(*spans: Span) -> bool:
    return not any((item.until - item.since) % WEEK for item in spans)


def _of_the_clock(features: FeatureSet) -> tuple[str, ...]:
    return tuple(item.full_name for item in features.features if item.source == "clock")


def _read(store: Store, spans: Sequence[Span], into: _Rows, what: str, progress: Progress) -> None:
    total = sum(store.count_decided(item.since, item.until) for item in spans)
    done = 0
    for span in spans:
        for item in store.decided(span.since, span.until):
            into.add(ScoreDecision.model_validate_json(item.event))
            done += 1
            if done % EVERY == 0 or done == total:
                progress(f"reading the {what}", done, total)


def _samples(*parts: _Rows) -> tuple[Sample, ...]:
    users = {name: number for number, name in enumerate(sorted({name for part in parts for name in part.user}))}
    return tuple(
        Sample(
            np.array(part.values, dtype=np.float64).reshape(len(part.user), len(part.features.names)),
            np.array(part.fell_back, dtype=np.bool_).reshape(len(part.user), len(part.features.names)),
            np.array([users[name] for name in part.user], dtype=np.int64),
        )
        for part in parts
    )
