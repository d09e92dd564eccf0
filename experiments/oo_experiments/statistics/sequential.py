"""This module computes always-valid intervals, which may be looked at as often as one likes.

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence
sequences (Annals of Statistics 2024; arXiv 2103.06476), theorem 2.2 and appendix B.2. GrowthBook has the same mixture.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["TUNING", "radius", "rho"]

TUNING = 5000.0  # users at which the interval is at its tightest, as in GrowthBook
Real = TypeVar("Real", float, NDArray[np.float64])


def rho(alpha: float, tuning: float = TUNING) -> float:
    """Return the mixture's scale, in units of one over the square root of a user (appendix B.2).

    Raises:
        ValueError: alpha is not between 0 and 1, or tuning is not above zero.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is between 0 and 1, not {alpha}")
    if not tuning > 0:
        raise ValueError(f"tuning is a number of users above zero, not {tuning}")
    return math.sqrt((-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / tuning)


def radius(stderr: Real, users: Real, alpha: float = 0.05, tuning: float = TUNING) -> Real:
    """Return half of the interval's width at each look, wide enough for all looks together with probability 1 - alpha.

    The interval is asymptotic, as any from a standard error: the first look should have dozens of users. Looks are at
    growing numbers of users; where the same users add more rounds, it holds as far as that reduces the standard error
    as more users would.

    Args:
        stderr: of a mean, or of a difference of means, over independent users.
        users: how many there were, of both arms together.
        alpha: probability that some look, ever, misses the truth.
        tuning: users at which the interval is to be tightest; choose it before the first look.
    """
    scaled = users * rho(alpha, tuning) ** 2
    half_width: Real = stderr * np.sqrt((scaled + 1) / scaled * np.log((scaled + 1) / alpha**2))
    return half_width
