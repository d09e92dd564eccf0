"""This module defines the log of bandit rounds, with one target policy's probabilities, that every estimator reads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BadLog", "BanditLog", "Bools", "Floats", "Ints", "require_rows"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
ROUNDING_TOLERANCE = 1e-6  # by which the sum of probabilities that were written as text may differ from 1


class BadLog(ValueError):
    """The log holds something that none may hold; the message names the column and, counted from 1, the row."""


@dataclass(frozen=True, eq=False)
class BanditLog:
    """The rounds of a log in order of arrival; every array has one entry (or row) for each.

    Parameters
    ----------
    user : (rounds,)
        The user of each round, from 0 to `users` - 1. Rounds of one user may depend on each other in any way.
    users : int
        The number of users; each has a round.
    action : (rounds,)
        The index of the logged action in `distribution` and `predicted`.
    propensity : (rounds,)
        The probability with which it was chosen, in (0, 1].
    reward : (rounds,)
        Any finite number.
    target : (rounds,)
        The target policy's probability of the logged action, in [0, 1].
    distribution : (rounds, actions), optional
        The target's probability of every action, 0 for those that a round did not have.
    predicted : (rounds, actions), optional
        A model's expected reward of every action. The model must not have been trained on the rounds of this log.

    Raises
    ------
    BadLog
        One of these does not hold.
    """

    user: Ints
    users: int
    action: Ints
    propensity: Floats
    reward: Floats
    target: Floats
    distribution: Floats | None = None
    predicted: Floats | None = None

    def __post_init__(self) -> None:
        if not len(self.reward):
            raise BadLog("there is no round in the log")
        arrays = [(item.name, getattr(self, item.name)) for item in fields(self) if item.name != "users"]
        for name, values in arrays:
            if values is not None and len(values) != len(self.reward):
                raise BadLog(f"{name} has {len(values)} entries for {len(self.reward)} rounds")
        if (
            self.user.min() < 0
            or self.user.max() >= self.users
            or not np.bincount(self.user, minlength=self.users).all()
        ):
            raise BadLog(f"user must hold every number from 0 to {self.users - 1}")
        self._require_numbers()
        self._require_matrices()

    def _require_numbers(self) -> None:
        require_rows("propensity", self.propensity, (self.propensity > 0) & (self.propensity <= 1), "is not in (0, 1]")
        require_rows("target", self.target, (self.target >= 0) & (self.target <= 1), "is not in [0, 1]")
        require_rows("reward", self.reward, np.isfinite(self.reward), "is not a finite number")
        with np.errstate(over="ignore"):
            require_rows("propensity", self.propensity, np.isfinite(self.weights), "is too small to divide by")
            require_rows("reward", self.reward, np.isfinite(self.weights * self.reward), "is too large to be weighed")

    def _require_matrices(self) -> None:
        for name, matrix in (("distribution", self.distribution), ("predicted", self.predicted)):
            if matrix is None:
                continue
            fits = (self.action >= 0) & (self.action < matrix.shape[1])
            require_rows("action", self.action, fits, f"has no place in {name}")
            largest = np.abs(matrix).max(axis=1)
            require_rows(name, largest, np.isfinite(largest), "is not finite")
        if self.distribution is not None:
            total = self.distribution.sum(axis=1)
            sound = (self.distribution.min(axis=1) >= 0) & (np.abs(total - 1) <= ROUNDING_TOLERANCE)
            require_rows("distribution", total, sound, "in sum is not 1, or one of them is negative")
            same = np.abs(self.at_logged(self.distribution) - self.target) <= ROUNDING_TOLERANCE
            require_rows("target", self.target, same, "is not the distribution's probability of the logged action")

    def __len__(self) -> int:
        return len(self.reward)

    @cached_property
    def weights(self) -> Floats:
        """The importance weights, shape (rounds,).

        Each is target over logging: how often a round stands for one of the target's.
        """
        return self.target / self.propensity

    @cached_property
    def shares(self) -> Floats:
        """Each user's share of the rounds, shape (users,)."""
        return np.bincount(self.user, minlength=self.users) / len(self)

    def at_logged(self, matrix: Floats) -> Floats:
        """Return a matrix's entries at the logged actions, shape (rounds,)."""
        return matrix[np.arange(len(self)), self.action]


def require_rows(column: str, values: NDArray[Any], sound: Bools, otherwise: str) -> None:
    """Check that every row is sound.

    Raises:
        BadLog: a row is not; the message names the first such row and its value.
    """
    if not sound.all():
        row = int(np.argmin(sound))
        raise BadLog(f"column {column}, row {row + 1}: {values[row]} {otherwise}")
