"""The users of two arms: their linearised values, and what each adds to the error of the arms' difference.

The method is described in `oo_experiments.statistics.mean_comparison`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oo_experiments.statistics.clusters import degrees_with_effects

__all__ = ["ArmSummary", "UserArms", "noise_by_user"]

Floats = NDArray[np.float64]


class UserArms(NamedTuple):
    """The columns of a comparison, with one entry for each user in each arm; users are numbered from 0."""

    user: NDArray[np.int64]
    treated: NDArray[np.bool_]
    value: Floats
    covariate: Floats
    rounds: Floats
    square_within: Floats  # sum of squares of a unit's rounds about its mean, in the scale of `value`

    @classmethod
    def of(cls, rounds: dict[str, NDArray[Any]], challenger: object) -> UserArms:
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


class ArmSummary(NamedTuple):
    """The users of an arm, with what is known of its mean's error."""

    users: int
    variance: float  # of the arm's mean
    degrees_of_freedom: float


def _linearised(total: NDArray[Any], rounds: NDArray[Any]) -> Floats:
    """Return a number for each user whose plain mean is the arm's mean over rounds, and its variance that mean's.

    Source: Deng, Knoblich and Lu (2018), section 3: the delta method for a ratio.
    """
    mean = total.sum() / rounds.sum()
    return np.asarray(mean + (total - mean * rounds) / rounds.mean(), float)


def noise_by_user(each: Floats, units: UserArms) -> tuple[Floats, list[ArmSummary]]:
    """Return what each user in each arm adds to the difference's error, and the summaries of both arms.

    The squares of what one user adds, in both arms together, add up to the difference's variance.
    """
    noise, sides = np.empty(len(each)), []
    for side, sign in ((units.treated, 1), (~units.treated, -1)):
        rounds, count = units.rounds[side], int(side.sum())
        leverage = rounds / rounds.sum()
        residual = (each[side] - each[side].mean()) / np.sqrt(1 - leverage) if count > 1 else np.zeros(1)
        noise[side] = sign * residual / count
        degrees = _arm_degrees(residual, rounds, float(units.square_within[side].sum())) if count > 1 else 0.0
        sides.append(ArmSummary(count, float(noise[side] @ noise[side]), degrees))
    return noise, sides


def _arm_degrees(residual: Floats, rounds: Floats, square_within: float) -> float:
    """Return Satterthwaite's degrees of freedom of an arm whose users have effects of their own."""
    within = square_within / max(float(rounds.sum()) - len(rounds), 1.0)
    between = max(float(residual @ residual) - within * float(rounds.sum()), 0.0) / float(rounds @ rounds)
    return degrees_with_effects(within, between, rounds, rounds / rounds.sum())
