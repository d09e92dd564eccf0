"""One typed log of bandit rounds, beside one target policy's chances: what every estimator reads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BadLog", "Bools", "Floats", "Ints", "Log", "require"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
ROUNDING = 1e-6  # by which probabilities that were written as text may miss their sum


class BadLog(ValueError):
    """What no log may hold; the message names the column and, counted from 1, the row."""


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """Rounds in order of arrival; every array has one entry (or line) for each.

    Parameters
    ----------
    user : (rounds,)
        Whose round it was, as a number from 0 to `users` - 1. Rounds of one user may depend on each other in any way.
    users : int
        How many there are; each has a round.
    action : (rounds,)
        The place of the logged action in `distribution` and `predicted`.
    propensity : (rounds,)
        The chance with which it was chosen, in (0, 1].
    reward : (rounds,)
        Any finite number.
    target : (rounds,)
        The target policy's chance of the logged action, in [0, 1].
    distribution : (rounds, actions), optional
        The target's chance of every action, 0 for those that a round did not have.
    predicted : (rounds, actions), optional
        A model's expected reward of every action. Rounds that are evaluated must not have taught it.

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
        require("propensity", self.propensity, (self.propensity > 0) & (self.propensity <= 1), "is not in (0, 1]")
        require("target", self.target, (self.target >= 0) & (self.target <= 1), "is not in [0, 1]")
        require("reward", self.reward, np.isfinite(self.reward), "is not a finite number")
        with np.errstate(over="ignore"):
            require("propensity", self.propensity, np.isfinite(self.weights), "is too small to divide by")
            require("reward", self.reward, np.isfinite(self.weights * self.reward), "is too large to be weighed")

    def _require_matrices(self) -> None:
        for name, matrix in (("distribution", self.distribution), ("predicted", self.predicted)):
            if matrix is None:
                continue
            fits = (self.action >= 0) & (self.action < matrix.shape[1])
            require("action", self.action, fits, f"has no place in {name}")
            largest = np.abs(matrix).max(axis=1)
            require(name, largest, np.isfinite(largest), "is not finite")
        if self.distribution is not None:
            total = self.distribution.sum(axis=1)
            sound = (self.distribution.min(axis=1) >= 0) & (np.abs(total - 1) <= ROUNDING)
            require("distribution", total, sound, "in sum is not 1, or one of them is negative")
            same = np.abs(self.at_logged(self.distribution) - self.target) <= ROUNDING
            require("target", self.target, same, "is not the distribution's chance of the logged action")

    def __len__(self) -> int:
        return len(self.reward)

    @property
    def weights(self) -> Floats:
        """(rounds,) Target over logging: how often a round stands for one of the target's."""
        return self.target / self.propensity

    def at_logged(self, matrix: Floats) -> Floats:
        """(rounds,) A matrix's entries at the logged actions."""
        return matrix[np.arange(len(self)), self.action]


def require(column: str, values: NDArray[Any], sound: Bools, otherwise: str) -> None:
    """Name the first row that is not sound.

    Raises:
        BadLog: there is one.
    """
    if not sound.all():
        row = int(np.argmin(sound))
        raise BadLog(f"column {column}, row {row + 1}: {values[row]} {otherwise}")
