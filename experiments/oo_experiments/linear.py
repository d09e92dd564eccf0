"""Linear beliefs over contexts, shared by all candidates: a ridge regression of the reward on the served row.

Everything is computed without BLAS, so the numbers do not depend on its threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from oo_experiments.beliefs import MICRO, UNIT, BadBeliefs, Beliefs, Linear, quantised
from oo_experiments.choice import Choice
from oo_experiments.parameters import Bounds, Count, Positive, Unsigned, check, stated

__all__ = ["LinTS", "LinUCB", "Ridge", "require_solvable", "ridge_regression"]

Floats = NDArray[np.float64]
LEAST_RIDGE = 0.001  # of Positive


@dataclass(frozen=True, slots=True)
class Ridge:
    """The regression's coefficients and `root`, the inverse of the lower Cholesky factor of A = XᵀX + ridge·I."""

    coefficients: Floats
    root: Floats

    def means(self, x: Floats) -> Floats:
        """The expected reward of each row of x, shape (rows, d)."""
        return np.asarray(np.einsum("ij,j->i", x, self.coefficients))

    def whitened(self, x: Floats) -> Floats:
        """z with z·z = xᵀ A⁻¹ x for each row x, shape (rows, d)."""
        return np.asarray(np.einsum("ij,kj->ik", x, self.root))


@lru_cache(maxsize=64)
def ridge_regression(known: Linear | None, d: int, ridge: float) -> Ridge:
    """Of `d` coefficients, the intercept's first; all 0 where nothing is known.

    Raises:
        BadBeliefs: what is known is of contexts of another length, or more was removed than added.
    """
    if known is None:
        return Ridge(np.zeros(d), np.eye(d) / math.sqrt(ridge))
    if known.d != d:
        raise BadBeliefs(f"beliefs over contexts of {known.d - 1} values do not go with contexts of {d - 1}")
    a = np.zeros((d, d))
    a[np.triu_indices(d)] = [part / UNIT**2 for part in known.gram]
    root = _inverse(_cholesky(a.T + ridge * np.eye(d)))
    moment = np.array([part / (UNIT * MICRO) for part in known.moment])
    return Ridge(np.einsum("ki,k->i", root, np.einsum("kj,j->k", root, moment)), root)


def require_solvable(beliefs: Beliefs) -> None:
    """What no ridge makes a regression of is found here, and not while a user waits.

    Raises:
        BadBeliefs: the sums are not those of any contexts.
    """
    if beliefs.linear is not None:
        ridge_regression(beliefs.linear, beliefs.linear.d, LEAST_RIDGE)


def _cholesky(a: Floats) -> Floats:
    """L with L Lᵀ = a, of which only the lower triangle is read; column by column (Golub and Van Loan, 4.2)."""
    factor = np.zeros_like(a)
    for k in range(len(a)):
        column = a[k:, k] - np.einsum("ij,j->i", factor[k:, :k], factor[k, :k])
        if column[0] <= 0:
            raise BadBeliefs("these beliefs lack rounds that were removed from them")
        factor[k:, k] = column / math.sqrt(column[0])
    return factor


def _inverse(factor: Floats) -> Floats:
    """Of a lower triangle, by forward substitution, row by row."""
    found = np.zeros_like(factor)
    for k in range(len(factor)):
        row = -np.einsum("j,ji->i", factor[k, :k], found[:k])
        row[k] += 1
        found[k] = row / factor[k, k]
    return found


def _seen(of: Choice) -> Floats:
    """The contexts of those that may be chosen, as beliefs learn them, with an intercept in front."""
    if len(of.contexts) != len(of.values):
        raise ValueError(f"{len(of.values)} candidates have {len(of.contexts)} contexts; this policy needs all of them")
    return quantised([of.contexts[place] for place in of.able]) / UNIT


@dataclass(frozen=True, slots=True)
class LinUCB:
    """Always the candidate of the largest mean + alpha·√(xᵀ A⁻¹ x); the first of equals.

    Source: Li, Chu, Langford and Schapire, A Contextual-Bandit Approach to Personalized News Article Recommendation
    (2010), algorithm 1, with one set of coefficients for all arms as in Chu, Li, Reyzin and Schapire (2011).
    """

    beliefs: Beliefs
    alpha: Unsigned = 1.0
    ridge: Positive = 1.0
    name: ClassVar[str] = "linucb"

    def __post_init__(self) -> None:
        check(self)

    @property
    def version(self) -> str:
        return stated(self)

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        able = of.able
        chances = [0.0] * len(of.values)
        if able:
            x = _seen(of)
            fit = ridge_regression(self.beliefs.linear, x.shape[1], self.ridge)
            width = np.sqrt((fit.whitened(x) ** 2).sum(axis=1))
            chances[able[int(np.argmax(fit.means(x) + self.alpha * width))]] = 1.0
        return tuple(chances)


@dataclass(frozen=True, slots=True)
class LinTS:
    """Each candidate by the share of `draws` coefficient vectors for which it is the best one; the first of equals.

    The vectors are mean + scale·L⁻ᵀε, of fixed standard normal ε that `seed` says. The policy is defined by these
    draws, it does not estimate anything with them: so its propensity is exact, and the same wherever it is computed.
    A candidate that is best for none of them has a chance of 0; a floor mends that. Source: Agrawal and Goyal, Thompson
    Sampling for Contextual Bandits with Linear Payoffs (2013), algorithm 1, with scale for their v.
    """

    beliefs: Beliefs
    scale: Unsigned = 0.5
    ridge: Positive = 1.0
    draws: Count = 500
    seed: Annotated[int, Bounds(0, 2**32 - 1, whole=True)] = 0
    name: ClassVar[str] = "lints"

    def __post_init__(self) -> None:
        check(self)

    @property
    def version(self) -> str:
        return stated(self)

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        able = of.able
        chances = [0.0] * len(of.values)
        if able:
            x = _seen(of)
            fit = ridge_regression(self.beliefs.linear, x.shape[1], self.ridge)
            spread = np.einsum("ik,kn->in", fit.whitened(x), normal_draws(x.shape[1], self.draws, self.seed))
            best = np.argmax(fit.means(x)[:, None] + self.scale * spread, axis=0)
            for place, wins in zip(able, np.bincount(best, minlength=len(able)).tolist(), strict=True):
                chances[place] = wins / self.draws
        return tuple(chances)


@lru_cache(maxsize=4)
def normal_draws(d: int, draws: int, seed: int) -> Floats:
    """Standard normal numbers, shape (d, draws): PCG64's raw stream, whose values NumPy keeps, by the inverse of Φ.

    Each draw is a column, taken from the stream together with its negative: the mean of all is 0 for even `draws`.
    """
    half = (draws + 1) // 2
    raw = np.random.PCG64(seed).random_raw(half * d)
    normal = [NormalDist().inv_cdf(((bits >> 11) + 0.5) / 2**53) for bits in raw.tolist()]
    found = np.array(normal).reshape(half, d)
    return np.ascontiguousarray(np.concatenate([found, -found])[:draws].T)
