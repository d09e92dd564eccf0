"""This module linearises a ratio of two means over rounds, which every estimator is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from oo_experiments.ope.log import BanditLog, Floats

__all__ = ["RatioEstimate"]


@dataclass(frozen=True, slots=True, eq=False)
class RatioEstimate:
    """A ratio, what each round adds to its error (rounds,), and each user's share of the denominator (users,)."""

    value: float
    influence: Floats
    leverage: Floats

    @classmethod
    def of(cls, log: BanditLog, numerator: Floats, denominator: Floats | None = None) -> Self:
        """Return the ratio of a number of each round to another, or to 1.

        It is infinite where rewards are too large to add.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            if denominator is None:
                value = float(numerator.mean())
                return cls(value, numerator - value, log.shares)
            total = float(denominator.sum())
            value = float(numerator.sum()) / total
            influence = (numerator - value * denominator) * (len(log) / total)
        return cls(value, influence, np.bincount(log.user, denominator, minlength=log.users) / total)
