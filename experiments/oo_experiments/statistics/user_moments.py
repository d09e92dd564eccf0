"""The moments of an arm, which are enough to compare means, and which add up."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["UserMoments"]


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
