"""A challenger's mean against the champion's, over users, with a fixed and an always-valid interval; guardrails.

Rounds of one user are not independent, and users have unequally many: means are over rounds, their noise over users by
the delta method (Deng, Knoblich and Lu, Applying the Delta Method in Metric Analytics, KDD 2018, section 3).
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oo_experiments.cuped import adjust
from oo_experiments.quantiles import t_quantile
from oo_experiments.sequential import TUNING, radius, rho

__all__ = ["FEWEST", "Difference", "Guardrail", "Moments", "Verdict", "compare", "difference"]

Floats = NDArray[np.float64]
FEWEST = 30  # users of an arm, below which a standard error says too little for any interval


@dataclass(frozen=True, slots=True)
class Difference:
    """Challenger less champion.

    `lower` and `upper` hold for one look at a time chosen before; `sequence_lower` and `sequence_upper` for all looks
    together. Both are infinite while an arm has fewer than `FEWEST` users. `variance_ratio` is CUPED's.
    """

    estimate: float
    stderr: float
    lower: float
    upper: float
    sequence_lower: float
    sequence_upper: float
    users: int
    variance_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Moments:
    """What has to be known of an arm's users: sums over them of their rounds' total value and number.

    Moments of different users add up, so a store can keep them for each day's new users.
    """

    users: float
    value: float
    rounds: float
    value_squared: float
    value_rounds: float
    rounds_squared: float

    @classmethod
    def of(cls, value: ArrayLike, rounds: ArrayLike) -> Self:
        """From each user's total value and number of rounds, both of shape (users,)."""
        y, n = np.asarray(value, float), np.asarray(rounds, float)
        sums = (y.sum(), n.sum(), y @ y, y @ n, n @ n)
        return cls(float(len(y)), *map(float, sums))

    def __add__(self, other: Self) -> Self:
        return type(self)(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def mean(self) -> float:
        """Value of a round."""
        return self.value / self.rounds if self.rounds else math.nan

    @property
    def variance(self) -> float:
        """Of one user's linearised value: divided by the users, it is the mean's."""
        if self.users < 2 or not self.rounds:
            return math.nan
        squares = self.value_squared - 2 * self.mean * self.value_rounds + self.mean**2 * self.rounds_squared
        return max(squares, 0.0) / (self.users - 1) / (self.rounds / self.users) ** 2


def difference(challenger: Moments, champion: Moments, *, alpha: float = 0.05, tuning: float = TUNING) -> Difference:
    """From moments alone; no user may be in both.

    >>> rewarded = Moments.of([0, 1, 2, 1] * 50, [2, 2, 2, 2] * 50)
    >>> found = difference(rewarded, Moments.of([0, 0, 2, 1] * 50, [2, 2, 2, 2] * 50))
    >>> round(found.estimate, 3), round(found.lower, 3), round(found.upper, 3)
    (0.125, 0.049, 0.201)
    """
    arms = (challenger, champion)
    sides = [_Side(int(arm.users), arm.variance / arm.users if arm.users else math.nan) for arm in arms]
    stderr = math.sqrt(sum(side.variance for side in sides))
    users = sum(side.users for side in sides)
    return _bounded(challenger.mean - champion.mean, stderr, sides, users=users, alpha=alpha, tuning=tuning)


def compare(
    value: ArrayLike,
    user: ArrayLike,
    arm: ArrayLike,
    *,
    challenger: object,
    champion: object,
    covariate: ArrayLike | None = None,
    alpha: float = 0.05,
    tuning: float = TUNING,
) -> Difference:
    """From rounds. A user may be in both arms (where requests are assigned); other arms' rounds are left out.

    Args:
        value: shape (rounds,), the metric of each round.
        user: shape (rounds,), ids.
        arm: shape (rounds,), each round's arm; `challenger` and `champion` are two of them.
        covariate: shape (rounds,), what was known of the user before (NaN: nothing), for CUPED.
        alpha: chance that an interval misses the truth.
        tuning: users at which the always-valid interval is tightest.

    Raises:
        ValueError: shapes differ, or a value is no number.
    """
    columns = {"value": np.asarray(value, float), "user": np.asarray(user), "arm": np.asarray(arm)}
    columns |= {"covariate": np.asarray(covariate, float)} if covariate is not None else {}
    _check(columns)
    kept = (columns["arm"] == challenger) | (columns["arm"] == champion)
    units = _Units.of({name: column[kept] for name, column in columns.items()}, challenger)
    if units.treated.all() or not units.treated.any():
        raise ValueError(f"arm: no round of {champion if units.treated.any() else challenger!r}")
    adjusted = adjust(units.value, units.covariate)
    noise, sides = _noise(adjusted.value, units.treated)
    stderr = math.sqrt(float((np.bincount(units.user, noise) ** 2).sum()))
    estimate = float(adjusted.value[units.treated].mean() - adjusted.value[~units.treated].mean())
    users, ratio = int(units.user.max()) + 1, adjusted.variance_ratio
    return _bounded(estimate, stderr, sides, users=users, alpha=alpha, tuning=tuning, ratio=ratio)


class _Units(NamedTuple):
    """One entry for each user in each arm; users are numbered from 0."""

    user: NDArray[np.int64]
    treated: NDArray[np.bool_]
    value: Floats
    covariate: Floats

    @classmethod
    def of(cls, rounds: dict[str, NDArray[Any]], challenger: object) -> _Units:
        who = np.unique(rounds["user"], return_inverse=True)[1]
        unit, first, which = np.unique(2 * who + (rounds["arm"] == challenger), return_index=True, return_inverse=True)
        total, count = np.bincount(which, rounds["value"]), np.bincount(which)
        treated = unit % 2 == 1
        value = np.empty(len(unit))
        for side in (treated, ~treated):
            if side.any():
                value[side] = _linearised(total[side], count[side])
        before = rounds["covariate"][first] if "covariate" in rounds else np.full(len(unit), np.nan)
        return cls(unit // 2, treated, value, before)


class _Side(NamedTuple):
    users: int
    variance: float  # of the arm's mean


def _check(columns: dict[str, NDArray[Any]]) -> None:
    shapes = {name: column.shape for name, column in columns.items()}
    if len(set(shapes.values())) > 1 or columns["value"].ndim != 1:
        raise ValueError(f"columns are one entry for each round, not {shapes}")
    if not np.isfinite(columns["value"]).all():
        raise ValueError("value: not a number in some round")


def _linearised(total: NDArray[Any], rounds: NDArray[Any]) -> Floats:
    """A number for each user whose plain mean is the arm's mean over rounds, and its variance that mean's."""
    mean = total.sum() / rounds.sum()
    return np.asarray(mean + (total - mean * rounds) / rounds.mean(), float)


def _noise(each: Floats, treated: NDArray[np.bool_]) -> tuple[Floats, list[_Side]]:
    """What each user in each arm adds to the difference's error; the squares add up to its variance."""
    noise, sides = np.empty(len(each)), []
    for side, sign in ((treated, 1), (~treated, -1)):
        count = int(side.sum())
        noise[side] = sign * (each[side] - each[side].mean()) / math.sqrt(count * max(count - 1, 1))
        sides.append(_Side(count, float(noise[side] @ noise[side])))
    return noise, sides


def _bounded(
    estimate: float,
    stderr: float,
    sides: list[_Side],
    *,
    users: int,
    alpha: float,
    tuning: float,
    ratio: float = 1.0,
) -> Difference:
    rho(alpha, tuning)  # refuses what is neither a chance nor a number of users
    if min(side.users for side in sides) < FEWEST:
        return Difference(estimate, stderr, -math.inf, math.inf, -math.inf, math.inf, users, ratio)
    fixed = stderr * t_quantile(1 - alpha / 2, _degrees(sides))
    always = float(radius(stderr, float(users), alpha, tuning))
    ends = (estimate - fixed, estimate + fixed, estimate - always, estimate + always)
    return Difference(estimate, stderr, *ends, users, ratio)


def _degrees(sides: list[_Side]) -> float:
    """Welch and Satterthwaite's."""
    total = sum(side.variance for side in sides)
    return total**2 / (sum(side.variance**2 / (side.users - 1) for side in sides) or math.nan) if total else 1.0


class Verdict(StrEnum):
    """Of a guardrail."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "not enough data"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that the challenger may not worsen by more than a margin: latency, fallback rate, tokens of a tip.

    `margin` is in the metric's own unit. Without noise nothing is known yet: a rate that never happened in either arm
    gets its verdict when the challenger's moments have one more user added to whom it happened
    (`+ Moments.of([1], [1])`), which is the rule of three.

    >>> slower = Difference(4.0, 1.0, 2.0, 6.0, 0.5, 7.5, users=900)
    >>> [str(Guardrail("latency_ms", "lower", margin).verdict(slower)) for margin in (10, 5, 0)]
    ['holds', 'not enough data', 'violated']
    """

    metric: str
    better: Literal["higher", "lower"]
    margin: float

    def __post_init__(self) -> None:
        if self.better not in {"higher", "lower"} or not 0 <= self.margin < math.inf:
            raise ValueError(f"guardrail {self.metric}: better is higher or lower, and the margin is not negative")

    def verdict(self, found: Difference, *, looks: Literal["one", "any"] = "any") -> Verdict:
        """By the interval's bounds: the always-valid ones, unless there is but one look."""
        low, high = (found.lower, found.upper) if looks == "one" else (found.sequence_lower, found.sequence_upper)
        least, most = (low, high) if self.better == "lower" else (-high, -low)  # by how much it is worse
        if not found.stderr > 0:
            return Verdict.UNKNOWN
        if most < self.margin:
            return Verdict.HOLDS
        return Verdict.VIOLATED if least > self.margin else Verdict.UNKNOWN
