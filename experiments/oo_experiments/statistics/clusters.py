"""This module computes how well a ratio of means is known when users, its clusters, have very unequally many rounds.

An estimate is a sum over rounds divided by another, so its error is, to first order, the sum of what each user adds.
Where a few users make most of the rounds, three things bend the textbook's cluster-robust interval, and each has a
remedy in closed form:

* A large user pulls the estimate to itself, so its residual is too small. CR2, bias-reduced linearisation, divides it
  by the root of one less its leverage: Bell and McCaffrey (2002), Bias reduction in standard errors for linear
  regression with multi-stage samples, Survey Methodology 28; Pustejovsky and Tipton (2018), Small-sample methods for
  cluster-robust variance estimation, Journal of Business & Economic Statistics 36 (4).
* The variance is a sum of few terms of weight, so it is itself uncertain. Satterthwaite's degrees of freedom say how
  few, under a working covariance of users with effects of their own, estimated from the rounds: Imbens and Kolesár
  (2016), Robust standard errors in small samples, Review of Economics and Statistics 98 (4). Heavy tails, of weights or
  rewards, make it less certain than normal residuals would: the degrees of freedom are at most those of the squares'
  empirical variance, Pan and Wall (2002), Small-sample adjustments in using the sandwich variance estimator, Statistics
  in Medicine 21 (10).
* What users add is skewed. Hall's transformation of the studentised error takes that out: Hall (1992), On the removal
  of skewness by transformation, Journal of the Royal Statistical Society B 54 (1); like Johnson (1978), Modified t
  tests and confidence intervals for asymmetrical populations, JASA 73, but monotone.

The pairs bootstrap-t over users (Cameron, Gelbach and Miller 2008, Bootstrap-based improvements for inference with
clustered errors, Review of Economics and Statistics 90 (3)) was tried beside it in the worlds of
`tests/support/bandit_worlds.py`: no better, a thousand times slower, and random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from oo_experiments.statistics.arrays import Floats, Ints

__all__ = ["Clusters", "degrees_with_effects", "satterthwaite"]

EVEN_TOLERANCE = 1e-9  # a smaller skewness counts as none


@dataclass(frozen=True, slots=True)
class _InfluenceSums:
    """Each user's sum of influences, in units of `unit`, the largest influence.

    The scale keeps fourth powers of large rewards within a float's range.
    """

    sums: Floats
    unit: float
    square_within: float  # sum of squares of rounds about their user's mean


@dataclass(frozen=True)
class Clusters:
    """The influences of rounds, grouped by user, and the error of the estimate that follows from them.

    Parameters
    ----------
    influence : (rounds,)
        What each round adds to the estimate: its error is about their mean.
    user : (rounds,)
        Whose round it was, from 0 to `users` - 1.
    users : int
        How many there are.
    leverage : (users,), optional
        Each user's share of the sum that the estimate is divided by; of the rounds where it is a mean over them.
    """

    influence: Floats
    user: Ints
    users: int
    leverage: Floats | None = None

    @cached_property
    def rounds(self) -> Floats:
        """The number of rounds of each user, shape (users,)."""
        return np.bincount(self.user, minlength=self.users).astype(np.float64)

    @cached_property
    def shares(self) -> Floats:
        """The leverage of each user, shape (users,)."""
        return self.rounds / len(self.user) if self.leverage is None else self.leverage

    @cached_property
    def _scaled(self) -> _InfluenceSums:
        unit = float(np.abs(self.influence).max()) or 1.0
        scaled = self.influence / unit if math.isfinite(unit) else np.zeros(len(self.influence))
        sums = np.bincount(self.user, scaled, minlength=self.users).astype(np.float64)
        within = float((scaled**2).sum() - (sums**2 / np.maximum(self.rounds, 1)).sum())
        return _InfluenceSums(sums, unit, max(within, 0.0))

    @property
    def _is_known(self) -> bool:
        """Whether there are at least two users, and none of them has all the leverage."""
        return self.users > 1 and float(self.shares.max()) < 1 - 1e-9 and math.isfinite(self._scaled.unit)

    @cached_property
    def _corrected(self) -> Floats:
        """The residuals of users, corrected by CR2, shape (users,)."""
        return self._scaled.sums / np.sqrt(1 - self.shares)

    @cached_property
    def stderr(self) -> float:
        """The standard error of the estimate; infinite where one user is all there is."""
        if not self._is_known:
            return math.inf
        return self._scaled.unit * math.sqrt(float(self._corrected @ self._corrected)) / len(self.user)

    @cached_property
    def degrees_of_freedom(self) -> float:
        """The degrees of freedom of the variance, by Satterthwaite.

        They are n - 1 for n users alike, and 0 where one user is all there is.
        """
        if not self._is_known:
            return 0.0
        within = self._scaled.square_within / max(len(self.user) - self.users, 1)
        square = float(self._corrected @ self._corrected)
        between = max(square - within * len(self.user), 0.0) / float(self.rounds @ self.rounds)
        return degrees_with_effects(within, between, self.rounds, self.shares)

    @cached_property
    def tail_degrees_of_freedom(self) -> float:
        """The degrees of freedom by the squares of the residuals (Pan and Wall 2002).

        They are few where few squares are most of the sum.
        """
        squares = self._corrected**2 if self._is_known else np.zeros(1)
        fourth = float(squares @ squares)
        return min(3 * float(squares.sum()) ** 2 / fourth, self.users - 1.0) if fourth else 0.0

    def bounds(self, quantile: float) -> tuple[float, float]:
        """Return how many standard errors the truth may be below and above the estimate, at `quantile` of Student's t.

        The bounds invert Hall's cubic (Hall 1992) g(t) = t + a t² / 3 + a² t³ / 27 + b / 6 of the studentised error t
        at -quantile and quantile. b is the skewness of the sum, a the same less thrice its correlation with
        the divisor: the second order of a ratio.
        """
        sums = self._scaled.sums
        square = float(sums @ sums)
        if not square or math.isinf(quantile):
            return quantile, quantile
        skew = float((sums**3).sum()) / square**1.5
        bend = skew - 3 * float(sums @ self.shares) / math.sqrt(square)
        low, high = (_inverted(end - skew / 6, bend) for end in (-quantile, quantile))
        return high, -low


def _inverted(point: float, bend: float) -> float:
    return 3 / bend * (math.cbrt(1 + bend * point) - 1) if abs(bend) > EVEN_TOLERANCE else point


def degrees_with_effects(within: float, between: float, rounds: Floats, leverage: Floats) -> float:
    """Return Satterthwaite's degrees of freedom for users who add effects of their own to the noise of their rounds.

    Source: Imbens and Kolesár (2016), here for a ratio of means.

    Args:
        within: variance of a round about its user's mean.
        between: variance of users' effects. When both are 0, all rounds count as equally noisy.
        rounds: shape (users,), how many each has.
        leverage: shape (users,), each below 1.
    """
    covariance = within * rounds + between * rounds**2
    return min(satterthwaite(covariance if covariance.any() else rounds, leverage), len(rounds) - 1.0)


def satterthwaite(covariance: Floats, leverage: Floats) -> float:
    """Return the degrees of freedom of the CR2 variance of a ratio, when users' true residuals have this variance.

    Source: Bell and McCaffrey (2002).
    With F = diag(covariance), h the leverages and A = diag(1 / (1 - h)), residuals have the covariance
    S = (I - h 1') F (I - 1 h'), a matrix of rank two added to F, so the traces in tr(AS)² / tr(ASAS) take one pass.

    Args:
        covariance: shape (users,), up to a factor.
        leverage: shape (users,), each below 1.

    >>> round(satterthwaite(np.ones(10), np.full(10, 0.1)), 6)
    9.0
    """
    inflation, total = 1 / (1 - leverage), covariance.sum()
    sides = np.stack([leverage, covariance])
    middle = np.array([[total, -1.0], [-1.0, 0.0]])
    trace = float(inflation @ (covariance - 2 * leverage * covariance + leverage**2 * total))
    crossed = middle @ ((sides * (inflation**2 * covariance)) @ sides.T)
    outer = middle @ ((sides * inflation) @ sides.T)
    square = float(inflation**2 @ covariance**2) + 2 * float(np.trace(crossed)) + float(np.trace(outer @ outer))
    return trace**2 / square
