"""Intervals over users: a fixed one, for who looks once, and a confidence sequence, for who looks every day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from oo_experiments.ope.log import Floats, Ints
from oo_experiments.quantiles import t_quantile
from oo_experiments.sequential import radius

__all__ = ["LEVEL", "SEQUENCE_FROM", "Interval", "clustered", "unskewed"]

LEVEL = 0.95
SEQUENCE_FROM = 30  # users: the sequence leans on a central limit theorem, so it says nothing before

quantile = cache(t_quantile)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, its standard error, and where the truth is: at one look, and at every look (`sequence_`)."""

    value: float
    stderr: float
    lower: float
    upper: float
    sequence_lower: float
    sequence_upper: float


def clustered(
    value: float, influence: Floats, user: Ints, users: int, level: float = LEVEL, *, sequence: bool = True
) -> Interval:
    """An interval that lets rounds of one user depend on each other.

    Parameters
    ----------
    value : float
        The estimate, in the unit of the rewards.
    influence : (rounds,)
        What each round adds to it: the estimate's error is about their mean.
    user : (rounds,)
        Whose round it was, from 0 to `users` - 1.
    sequence : bool
        Whether there is enough for a central limit theorem; else the sequence is infinite.

    Notes
    -----
    Cluster-robust variance with the correction users / (users - 1) and the t quantile with users - 1 degrees of
    freedom: Cameron, Gelbach and Miller (2008), Bootstrap-based improvements for inference with clustered errors,
    Review of Economics and Statistics 90 (3). Infinite for a single user.
    """
    with np.errstate(over="ignore"):
        sums = np.bincount(user, influence, minlength=users)
        square = float(sums @ sums)
    stderr = math.sqrt(users / (users - 1) * square) / len(user) if users > 1 else math.inf
    half = quantile((1 + level) / 2, users - 1) * stderr
    always = radius(stderr, users, 1 - level) if sequence and users >= SEQUENCE_FROM else math.inf
    return Interval(value, stderr, value - half, value + half, value - always, value + always)


def unskewed(value: float, influence: Floats, user: Ints, users: int, level: float = LEVEL) -> tuple[float, float]:
    """The bounds of `clustered`, moved to where a skewed sum of so few users puts them.

    Hall (1992), On the removal of skewness by transformation, Journal of the Royal Statistical Society B 54:
    the cubic g(t) = t + a t²/3 + a² t³/27 + a/6 of the studentised error, inverted.
    """
    sums = np.bincount(user, influence, minlength=users)
    square = float(sums @ sums)
    skew = float((sums**3).sum()) / square**1.5 if square else 0.0
    stderr = clustered(value, influence, user, users, level).stderr
    far = quantile((1 + level) / 2, users - 1)
    if abs(skew) < 1e-9 or math.isinf(far):
        return value - far * stderr, value + far * stderr
    low, high = (3 / skew * (math.cbrt(1 + skew * (end - skew / 6)) - 1) for end in (-far, far))
    return value - high * stderr, value - low * stderr
