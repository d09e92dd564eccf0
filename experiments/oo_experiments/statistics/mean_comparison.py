"""This module compares a challenger's mean with the champion's, with a fixed and an always-valid interval.

Rounds of one user are not independent, and users have unequally many: means are over rounds, their noise over users by
the delta method (Deng, Knoblich and Lu, Applying the Delta Method in Metric Analytics, KDD 2018, section 3), corrected
for arms in which a few users make most of the rounds (CR2 and Satterthwaite's degrees of freedom for each arm, as in
`oo_experiments.statistics.clusters`; of both arms together by Welch's formula).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oo_experiments.statistics.cuped import cuped_adjust
from oo_experiments.statistics.quantiles import t_quantile
from oo_experiments.statistics.sequential import TUNING, radius, rho
from oo_experiments.statistics.user_arms import ArmSummary, UserArms, noise_by_user
from oo_experiments.statistics.user_moments import UserMoments

__all__ = ["MIN_DEGREES", "MIN_USERS", "MeanDifference", "compare_means", "mean_difference"]

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
        ArmSummary(int(arm.users), arm.variance / arm.users if arm.users else math.nan, arm.users - 1.0) for arm in arms
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
    units = UserArms.of({name: column[in_comparison] for name, column in columns.items()}, challenger)
    if units.treated.all() or not units.treated.any():
        raise ValueError(f"arm: no round of {champion if units.treated.any() else challenger!r}")
    adjusted = cuped_adjust(units.value, units.covariate)
    noise, sides = noise_by_user(adjusted.value, units)
    stderr = math.sqrt(float((np.bincount(units.user, noise) ** 2).sum()))
    estimate = float(adjusted.value[units.treated].mean() - adjusted.value[~units.treated].mean())
    users, ratio = int(units.user.max()) + 1, adjusted.variance_ratio
    return _bounded(estimate, stderr, sides, users=users, alpha=alpha, tuning=tuning, ratio=ratio)


def _check(columns: dict[str, NDArray[Any]]) -> None:
    shapes = {name: column.shape for name, column in columns.items()}
    if len(set(shapes.values())) > 1 or columns["value"].ndim != 1:
        raise ValueError(f"columns are one entry for each round, not {shapes}")
    if not np.isfinite(columns["value"]).all():
        raise ValueError("value: not a number in some round")


def _bounded(
    estimate: float,
    stderr: float,
    sides: list[ArmSummary],
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


def _degrees(sides: list[ArmSummary]) -> float:
    """Return Welch and Satterthwaite's degrees of freedom.

    Without noise they are those of the smaller arm.
    """
    total = sum(side.variance for side in sides)
    if not total > 0:
        return min(side.degrees_of_freedom for side in sides)
    return total**2 / sum(side.variance**2 / side.degrees_of_freedom for side in sides if side.variance)
