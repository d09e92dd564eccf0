"""This module compares a challenger's mean with the champion's, with a fixed and an always-valid interval.

Rounds of one user are not independent, and users have unequally many: means are over rounds, their noise over users by
the delta method (Deng, Knoblich and Lu, Applying the Delta Method in Metric Analytics, KDD 2018, section 3), corrected
for arms in which a few users make most of the rounds (CR2 and Satterthwaite's degrees of freedom for each arm, as in
`oo_experiments.statistics.clusters`; of both arms together by Welch's formula).
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oo_experiments.statistics.clusters import degrees_with_effects
from oo_experiments.statistics.cuped import cuped_adjust
from oo_experiments.statistics.quantiles import t_quantile
from oo_experiments.statistics.sequential import TUNING, radius, rho

__all__ = [
    "MIN_DEGREES",
    "MIN_USERS",
    "MeanDifference",
    "UserMoments",
    "compare_means",
    "mean_difference",
]

Floats = NDArray[np.float64]
MIN_USERS = 30  # of an arm; with fewer, a standard error says too little for any interval
MIN_DEGREES = 6.0  # of freedom: below 4 Satterthwaite's approximation fails (Tipton 2015), to 6 it has 97 or 98 in 100


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """The challenger's mean less the champion's, with its intervals.

    `lower` and `upper` hold for one look at a time chosen before; `sequence_lower` and `sequence_upper` for all looks
    together. Both are infinite while an arm has fewer than `MIN_USERS` users, or a few users make so many of the rounds
    that fewer than `MIN_DEGREES` degrees of freedom are left. `variance_ratio` is CUPED's.
    """

    estimate: float
    stderr: float
    lower: float
    upper: float
    sequence_lower: float
    sequence_upper: float
    users: int
    variance_ratio: float = 1.0
    degrees_of_freedom: float = math.inf


@dataclass(frozen=True, slots=True)
class UserMoments:
    """The moments of an arm: sums over its users of rounds and their total value, and of the products.

    Moments of different users add up, so a store can keep them for each day's new users. They do
    not show which users make most of the rounds: `mean_difference` is for many users with about as
    many rounds each, `compare_means` for any.
    """

    users: float
    value: float
    rounds: float
    value_squared: float
    value_rounds: float
    rounds_squared: float

    @classmethod
    def of(cls, value: ArrayLike, rounds: ArrayLike) -> Self:
        """Return the moments of each user's total value and number of rounds, both of shape (users,)."""
        y, n = np.asarray(value, float), np.asarray(rounds, float)
        sums = (y.sum(), n.sum(), y @ y, y @ n, n @ n)
        return cls(float(len(y)), *map(float, sums))

    def __add__(self, other: Self) -> Self:
        return type(self)(*(left + right for left, right in zip(astuple(self), astuple(other), strict=True)))

    @property
    def mean(self) -> float:
        """The mean value of a round; NaN without a round."""
        return self.value / self.rounds if self.rounds else math.nan

    @property
    def variance(self) -> float:
        """The variance of one user's linearised value; divided by the number of users, it is the mean's variance.

        Source: Deng, Knoblich and Lu (2018), section 3. It is NaN with fewer than two users.
        """
        if self.users < 2 or not self.rounds:
            return math.nan
        squares = self.value_squared - 2 * self.mean * self.value_rounds + self.mean**2 * self.rounds_squared
        return max(squares, 0.0) / (self.users - 1) / (self.rounds / self.users) ** 2


def mean_difference(
    challenger: UserMoments, champion: UserMoments, *, alpha: float = 0.05, tuning: float = TUNING
) -> MeanDifference:
    """Return the difference of two arms from their moments alone; no user may be in both.

    >>> rewarded = UserMoments.of([0, 1, 2, 1] * 50, [2, 2, 2, 2] * 50)
    >>> difference = mean_difference(rewarded, UserMoments.of([0, 0, 2, 1] * 50, [2, 2, 2, 2] * 50))
    >>> round(difference.estimate, 3), round(difference.lower, 3), round(difference.upper, 3)
    (0.125, 0.049, 0.201)
    """
    arms = (challenger, champion)
    sides = [
        _ArmSummary(int(arm.users), arm.variance / arm.users if arm.users else math.nan, arm.users - 1.0)
        for arm in arms
    ]
    stderr = math.sqrt(sum(side.variance for side in sides))
    users = sum(side.users for side in sides)
    return _bounded(challenger.mean - champion.mean, stderr, sides, users=users, alpha=alpha, tuning=tuning)


def compare_means(
    value: ArrayLike,
    user: ArrayLike,
    arm: ArrayLike,
    *,
    challenger: object,
    champion: object,
    covariate: ArrayLike | None = None,
    alpha: float = 0.05,
    tuning: float = TUNING,
) -> MeanDifference:
    """Return the difference of two arms from their rounds; the rounds of other arms are left out.

    A user may be in both arms, where requests are assigned.

    Args:
        value: shape (rounds,), the metric of each round.
        user: shape (rounds,), ids.
        arm: shape (rounds,), each round's arm; `challenger` and `champion` are two of them.
        covariate: shape (rounds,), what was known of the user before (NaN: nothing), for CUPED.
        alpha: probability that an interval misses the truth.
        tuning: users at which the always-valid interval is tightest.

    Raises:
        ValueError: shapes differ, a value is no number, or an arm has no round.
    """
    columns = {"value": np.asarray(value, float), "user": np.asarray(user), "arm": np.asarray(arm)}
    columns |= {"covariate": np.asarray(covariate, float)} if covariate is not None else {}
    _check(columns)
    in_comparison = (columns["arm"] == challenger) | (columns["arm"] == champion)
    units = _UserArms.of({name: column[in_comparison] for name, column in columns.items()}, challenger)
    if units.treated.all() or not units.treated.any():
        raise ValueError(f"arm: no round of {champion if units.treated.any() else challenger!r}")
    adjusted = cuped_adjust(units.value, units.covariate)
    noise, sides = _noise(adjusted.value, units)
    stderr = math.sqrt(float((np.bincount(units.user, noise) ** 2).sum()))
    estimate = float(adjusted.value[units.treated].mean() - adjusted.value[~units.treated].mean())
    users, ratio = int(units.user.max()) + 1, adjusted.variance_ratio
    return _bounded(estimate, stderr, sides, users=users, alpha=alpha, tuning=tuning, ratio=ratio)


class _UserArms(NamedTuple):
    """The columns of a comparison, with one entry for each user in each arm; users are numbered from 0."""

    user: NDArray[np.int64]
    treated: NDArray[np.bool_]
    value: Floats
    covariate: Floats
    rounds: Floats
    square_within: Floats  # sum of squares of a unit's rounds about its mean, in the scale of `value`

    @classmethod
    def of(cls, rounds: dict[str, NDArray[Any]], challenger: object) -> _UserArms:
        """Return the entries of rounds, of which each column has the shape (rounds,)."""
        user_index = np.unique(rounds["user"], return_inverse=True)[1]
        unit, first, group = np.unique(
            2 * user_index + (rounds["arm"] == challenger), return_index=True, return_inverse=True
        )
        total, count = np.bincount(group, rounds["value"]), np.bincount(group)
        treated = unit % 2 == 1
        within = np.bincount(group, (rounds["value"] - (total / count)[group]) ** 2).astype(float)
        value = np.empty(len(unit))
        for side in (treated, ~treated):
            if side.any():
                value[side] = _linearised(total[side], count[side])
                within[side] /= count[side].mean() ** 2
        before = rounds["covariate"][first] if "covariate" in rounds else np.full(len(unit), np.nan)
        return cls(unit // 2, treated, value, before, count.astype(float), within)


class _ArmSummary(NamedTuple):
    users: int
    variance: float  # of the arm's mean
    degrees_of_freedom: float


def _check(columns: dict[str, NDArray[Any]]) -> None:
    shapes = {name: column.shape for name, column in columns.items()}
    if len(set(shapes.values())) > 1 or columns["value"].ndim != 1:
        raise ValueError(f"columns are one entry for each round, not {shapes}")
    if not np.isfinite(columns["value"]).all():
        raise ValueError("value: not a number in some round")


def _linearised(total: NDArray[Any], rounds: NDArray[Any]) -> Floats:
    """Return a number for each user whose plain mean is the arm's mean over rounds, and its variance that mean's.

    Source: Deng, Knoblich and Lu (2018), section 3: the delta method for a ratio.
    """
    mean = total.sum() / rounds.sum()
    return np.asarray(mean + (total - mean * rounds) / rounds.mean(), float)


def _noise(each: Floats, units: _UserArms) -> tuple[Floats, list[_ArmSummary]]:
    """Return what each user in each arm adds to the difference's error; the squares add up to its variance."""
    noise, sides = np.empty(len(each)), []
    for side, sign in ((units.treated, 1), (~units.treated, -1)):
        rounds, count = units.rounds[side], int(side.sum())
        leverage = rounds / rounds.sum()
        residual = (each[side] - each[side].mean()) / np.sqrt(1 - leverage) if count > 1 else np.zeros(1)
        noise[side] = sign * residual / count
        degrees = _arm_degrees(residual, rounds, float(units.square_within[side].sum())) if count > 1 else 0.0
        sides.append(_ArmSummary(count, float(noise[side] @ noise[side]), degrees))
    return noise, sides


def _arm_degrees(residual: Floats, rounds: Floats, square_within: float) -> float:
    """Return Satterthwaite's degrees of freedom of an arm whose users have effects of their own."""
    within = square_within / max(float(rounds.sum()) - len(rounds), 1.0)
    between = max(float(residual @ residual) - within * float(rounds.sum()), 0.0) / float(rounds @ rounds)
    return degrees_with_effects(within, between, rounds, rounds / rounds.sum())


def _bounded(
    estimate: float,
    stderr: float,
    sides: list[_ArmSummary],
    *,
    users: int,
    alpha: float,
    tuning: float,
    ratio: float = 1.0,
) -> MeanDifference:
    rho(alpha, tuning)  # refuses what is neither a chance nor a number of users
    degrees = _degrees(sides)
    if min(side.users for side in sides) < MIN_USERS or degrees < MIN_DEGREES:
        return MeanDifference(estimate, stderr, -math.inf, math.inf, -math.inf, math.inf, users, ratio, degrees)
    fixed = stderr * t_quantile(1 - alpha / 2, degrees)
    always = float(radius(stderr, float(users), alpha, tuning))
    ends = (estimate - fixed, estimate + fixed, estimate - always, estimate + always)
    return MeanDifference(estimate, stderr, *ends, users, ratio, degrees)


def _degrees(sides: list[_ArmSummary]) -> float:
    """Return Welch and Satterthwaite's degrees of freedom.

    Without noise they are those of the smaller arm.
    """
    total = sum(side.variance for side in sides)
    if not total > 0:
        return min(side.degrees_of_freedom for side in sides)
    return total**2 / sum(side.variance**2 / side.degrees_of_freedom for side in sides if side.variance)
