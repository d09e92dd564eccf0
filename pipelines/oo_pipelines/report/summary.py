"""What every report counts and measures of some rounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from oo_decisions.round import RoundState
from oo_experiments.statistics.interval import Interval, clustered_interval

from oo_pipelines.report.round_outcomes import LoggedRound

__all__ = ["Counts", "Spread", "count_states", "mean_over_users", "spread"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Rounds by their state; `activation` is the share that was seen, None without a round."""

    users: int
    closed: int
    shown: int
    unseen: int
    activation: float | None


def count_states(rounds: Iterable[LoggedRound]) -> Counts:
    """Count users and rounds of each state."""
    logged = list(rounds)
    closed, shown, unseen = (
        sum(item.outcome.state is state for item in logged)
        for state in (RoundState.CLOSED, RoundState.SHOWN, RoundState.OPEN)
    )
    activation = (closed + shown) / len(logged) if logged else None
    return Counts(len({item.user_id for item in logged}), closed, shown, unseen, activation)


def mean_over_users(values: Iterable[tuple[str, float | None]]) -> Interval | None:
    """Return the mean of (user, value) over rounds with its interval over users.

    A value of None is not known; the result is None when no value is.
    """
    known = [(user, value) for user, value in values if value is not None]
    if not known:
        return None
    people, which = np.unique([user for user, _ in known], return_inverse=True)
    value = np.array([value for _, value in known], float)
    mean = float(value.mean())
    return clustered_interval(mean, value - mean, which, len(people))


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of `count` values."""

    count: int
    p50: float
    p95: float


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return the quantiles of the values that are known, None without any."""
    known: Sequence[float] = [value for value in values if value is not None]
    if not known:
        return None
    p50, p95 = np.quantile(known, (0.5, 0.95))
    return Spread(len(known), float(p50), float(p95))
