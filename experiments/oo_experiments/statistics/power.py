"""This module plans how many users an experiment needs before its interval excludes zero, and what would halve them.

Everything follows from the variance of one user's contribution to the difference: n users give a standard error of
sqrt(variance / n). A split and an off-policy comparison differ in that number alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oo_experiments.statistics.quantiles import normal_quantile, normal_sf
from oo_experiments.statistics.sequential import TUNING, radius, rho

__all__ = [
    "PowerLog",
    "fixed_users",
    "halving",
    "power_by",
    "sequential_users",
    "split_variance",
    "user_mean_variance",
    "weighted_variance",
]

Floats = NDArray[np.float64]
MAX_USERS = 1e15  # a plan that needs more counts as impossible
FLOOR_GRID = np.geomspace(1e-4, 1, 201)


def user_mean_variance(variance: float, rounds_per_user: float, icc: float = 0.0) -> float:
    """Return the variance of a user's mean over its rounds, when two of them correlate by icc.

    Source: Kish, Survey Sampling (1965): the design effect 1 + (rounds - 1) · icc.

    >>> user_mean_variance(1.0, 5, 0.0), user_mean_variance(1.0, 5, 1.0)
    (0.2, 1.0)
    """
    return variance * (1 + (rounds_per_user - 1) * icc) / rounds_per_user


def split_variance(now: float, new: float, share: float = 0.5) -> float:
    """Return the variance of one user's contribution where a share of the users gets the challenger.

    `now` and `new` are the variances of a user under the champion and the challenger: a reward of 0 or 1 varies by
    another amount where it is paid more often.

    >>> split_variance(0.25, 0.25, 0.5)
    1.0
    """
    return now / (1 - share) + new / share


def weighted_variance(now: float, new: float, floor: float, differs: float = 1.0) -> float:
    """Return the variance of one round's contribution (w - 1) r to a challenger's value less the logging policy's.

    It is that of the least favourable case: where the two differ, the challenger wants what is logged with the floor
    alone. Then w is 1 / floor with that probability, else 0. Where they agree, the weight counts as 1.

    Args:
        now: mean square of a round's reward as the champion acts.
        new: the same as the challenger acts, where they differ.
        floor: least propensity of any action.
        differs: share of the rounds in which the challenger wants another action.
    """
    return differs * (1 - floor) * ((1 - floor) / floor * new + now)


def halving(share: float, now: float = 1.0, new: float = 1.0) -> float | None:
    """Return the split (or floor) that needs half the users, or None where none does.

    It lies on the same side of the best one.

    Both make the variance follow new / share + now / (1 - share): a floor with equal parts, as in `weighted_variance`,
    when only the logging changes. The champion stays what it is, so its own value is then weighted as well.

    >>> round(halving(0.05), 4), halving(0.5)
    (0.1063, None)
    """
    half = split_variance(now, new, share) / 2
    middle = half + new - now
    left = middle**2 - 4 * half * new
    if left < 0:
        return None
    best = math.sqrt(new) / (math.sqrt(new) + math.sqrt(now))
    share_of_half = (middle + math.copysign(math.sqrt(left), share - best)) / (2 * half)
    return share_of_half if 0 < share_of_half < 1 else None


def fixed_users(variance: float, effect: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the users after which one look at a fixed interval excludes zero with probability `power`.

    >>> round(fixed_users(4.0, 0.1))
    3140
    """
    return variance * ((normal_quantile(1 - alpha / 2) + normal_quantile(power)) / effect) ** 2


def power_by(users: float, variance: float, effect: float, alpha: float = 0.05, tuning: float = TUNING) -> float:
    """Return the probability that an always-valid interval has excluded zero at a look up to this many users.

    The sum of contributions is a Brownian motion with drift; the boundary is concave, so its tangent
    lies above it and the probability of having crossed the tangent (Siegmund, Sequential Analysis,
    1985, equation 3.15) is a little too small.
    """
    sd = math.sqrt(variance)
    bound = users * float(radius(sd / math.sqrt(users), users, alpha, tuning)) / sd
    slope = (bound**2 / (users + 1 / rho(alpha, tuning) ** 2) + 1) / (2 * bound)
    ahead, start, root = abs(effect) / sd - slope, bound - slope * users, math.sqrt(users)
    reflected = math.exp(min(2 * start * ahead, 700.0)) * normal_sf((ahead * users + start) / root)
    return min(1.0, normal_sf((start - ahead * users) / root) + reflected)


def sequential_users(
    variance: float, effect: float, alpha: float = 0.05, power: float = 0.8, tuning: float = TUNING
) -> float:
    """Return the users by which the always-valid interval excludes zero with probability `power`.

    A power of 0.5 gives the median wait.
    """
    return _smallest(lambda users: power_by(users, variance, effect, alpha, tuning) >= power)


def _smallest(is_enough: Callable[[float], bool]) -> float:
    """Return the smallest number that is enough, to a part in a thousand; infinite beyond `MAX_USERS`."""
    low, high = 1.0, 2.0
    while not is_enough(high):
        low, high = high, high * 2
        if high > MAX_USERS:
            return math.inf
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class PowerLog:
    """The rounds of a log, by which a challenger's value is compared with that of the policy that logged them.

    Each column has the shape (rounds,): the logged propensity of what was chosen, the challenger's probability of it,
    the reward, the user, and the number of actions.
    """

    propensity: Floats
    target: Floats
    reward: Floats
    user: NDArray[np.generic]
    actions: Floats

    @classmethod
    def of(
        cls, propensity: ArrayLike, target: ArrayLike, reward: ArrayLike, user: ArrayLike, actions: ArrayLike
    ) -> PowerLog:
        """Return the log of these columns, after checking them.

        Raises:
            ValueError: a column has a wrong value; the message names the column and the first such round.
        """
        p, t, r, n = (np.asarray(column, float) for column in (propensity, target, reward, actions))
        for name, is_right, requirement in (
            ("n_actions", (n >= 1) & (n == np.floor(n)), "a whole number of at least 1"),
            ("propensity", (p > 0) & (p <= 1), "above 0 and at most 1"),
            ("target", (t >= 0) & (t <= 1), "from 0 to 1"),
            ("reward", np.isfinite(r), "a number"),
        ):
            if not is_right.all():
                raise ValueError(
                    f"{name}: {requirement} in each round, which round {int(np.argmin(is_right)) + 1} is not"
                )
        return cls(p, t, r, np.asarray(user), n)

    @property
    def mean(self) -> float:
        """The mean reward of a round."""
        return float(self.reward.mean())

    @property
    def users(self) -> int:
        """The number of users."""
        return len(np.unique(self.user))

    @property
    def rounds_per_user(self) -> float:
        """The mean number of rounds of a user."""
        return len(self.reward) / self.users

    @property
    def variance(self) -> float:
        """The variance of one user's contribution to the difference for a round, with rounds clustered by user."""
        difference = (self.target / self.propensity - 1) * self.reward
        sums = np.bincount(np.unique(self.user, return_inverse=True)[1], difference - difference.mean())
        return float(sums @ sums) / max(self.users - 1, 1) / self.rounds_per_user**2

    def spread(self, mixed: float) -> float:
        """Return E[((π - p) r / q)²] for rounds logged by q.

        q draws a share `mixed` of them evenly, and the rest as p.

        The log alone suffices: dividing by the logged p as well changes the expectation from p's rounds to q's.
        """
        q = self._mixed(mixed)
        return float(np.mean((self.target - self.propensity) ** 2 / (self.propensity * q) * self.reward**2))

    def floor(self, mixed: float) -> float:
        """Return the least propensity that would have been logged, had a share of the rounds been drawn evenly."""
        return float(self._mixed(mixed).min())

    def _mixed(self, share: float) -> Floats:
        return (1 - share) * self.propensity + share / self.actions

    def halving_share(self) -> float | None:
        """Return the least share of rounds drawn evenly that halves the variance, or None where none does."""
        half = self.spread(0.0) / 2
        return next((float(share) for share in FLOOR_GRID if self.spread(share) <= half), None) if half else None
