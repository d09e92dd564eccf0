"""What every report counts and measures of some rounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from oo_contracts.rounds import State
from oo_experiments.ope.interval import Interval, clustered

from oo_pipelines.report.played import Played

__all__ = ["Counts", "Spread", "counted", "mean_over_users", "spread"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Rounds by their state. `activation` is the share that was seen; None without a round."""

    users: int
    closed: int
    shown: int
    unseen: int
    activation: float | None


def counted(rounds: Iterable[Played]) -> Counts:
    """By users and states."""
    some = list(rounds)
    closed, shown, unseen = (
        sum(item.outcome.state is state for item in some) for state in (State.CLOSED, State.SHOWN, State.OPEN)
    )
    activation = (closed + shown) / len(some) if some else None
    return Counts(len({item.user_id for item in some}), closed, shown, unseen, activation)


def mean_over_users(values: Iterable[tuple[str, float | None]]) -> Interval | None:
    """The mean over rounds, its interval over users; of None nothing is known. None when that is so of all."""
    known = [(user, value) for user, value in values if value is not None]
    if not known:
        return None
    people, which = np.unique([user for user, _ in known], return_inverse=True)
    value = np.array([value for _, value in known], float)
    mean = float(value.mean())
    return clustered(mean, value - mean, which, len(people))


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles; `count` is what they are of."""

    count: int
    p50: float
    p95: float


def spread(values: Iterable[float | None]) -> Spread | None:
    """None without a value."""
    known: Sequence[float] = [value for value in values if value is not None]
    if not known:
        return None
    p50, p95 = np.quantile(known, (0.5, 0.95))
    return Spread(len(known), float(p50), float(p95))
