"""This module learns linearly from contexts, by a ridge regression of the reward that all candidates share.

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

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import FIXED_POINT_UNIT, MICRO, BadBeliefs, Beliefs, LinearSums, quantise
from oo_experiments.policies.parameters import Bounds, Count, Positive, TunablePolicy, Unsigned

__all__ = ["LinTS", "LinUCB", "Ridge", "require_solvable", "ridge_regression"]

Floats = NDArray[np.float64]
MIN_RIDGE = 0.001  # of Positive


@dataclass(frozen=True, slots=True)
class Ridge:
    """A fitted ridge regression.

    `root` is the inverse of the lower Cholesky factor of A = XᵀX + ridge·I.
    """

    coefficients: Floats
    root: Floats

    def means(self, x: Floats) -> Floats:
        """Return the expected reward of each row of x, shape (rows, d)."""
        return np.asarray(np.einsum("ij,j->i", x, self.coefficients))

    def whitened(self, x: Floats) -> Floats:
        """Return z with z·z = xᵀ A⁻¹ x for each row of x, shape (rows, d)."""
        return np.asarray(np.einsum("ij,kj->ik", x, self.root))


@lru_cache(maxsize=64)
def ridge_regression(sums: LinearSums | None, d: int, ridge: float) -> Ridge:
    """Return the ridge regression of `d` coefficients, the intercept's first; all are 0 where nothing is known.

    Source: Hoerl and Kennard, Ridge Regression: Biased Estimation for Nonorthogonal
    Problems (Technometrics 1970), equation 2.1.

    Raises:
        BadBeliefs: the sums are of contexts of another length, or more was removed than added.
    """
    if sums is None:
        return Ridge(np.zeros(d), np.eye(d) / math.sqrt(ridge))
    if sums.d != d:
        raise BadBeliefs(f"beliefs over contexts of {sums.d - 1} values do not go with contexts of {d - 1}")
    a = np.zeros((d, d))
    a[np.triu_indices(d)] = [part / FIXED_POINT_UNIT**2 for part in sums.gram]
    # The sums are the upper triangle, and the factorisation reads the lower one.
    root = _inverse(_cholesky(a.T + ridge * np.eye(d)))
    reward_sums = np.array([part / (FIXED_POINT_UNIT * MICRO) for part in sums.reward_sums])
    return Ridge(np.einsum("ki,k->i", root, np.einsum("kj,j->k", root, reward_sums)), root)


def require_solvable(beliefs: Beliefs) -> None:
    """Check that the beliefs give a regression with any ridge, so that no policy fails while a user waits.

    Raises:
        BadBeliefs: the sums are not those of any contexts.
    """
    if beliefs.linear is not None:
        ridge_regression(beliefs.linear, beliefs.linear.d, MIN_RIDGE)


def _cholesky(a: Floats) -> Floats:
    """Return L with L Lᵀ = a, of which only the lower triangle is read.

    Source: Golub and Van Loan, Matrix Computations, section 4.2, column by column.

    Raises:
        BadBeliefs: the matrix is not positive definite.
    """
    factor = np.zeros_like(a)
    for k in range(len(a)):
        column = a[k:, k] - np.einsum("ij,j->i", factor[k:, :k], factor[k, :k])
        if column[0] <= 0:
            raise BadBeliefs("these beliefs lack rounds that were removed from them")
        factor[k:, k] = column / math.sqrt(column[0])
    return factor


def _inverse(factor: Floats) -> Floats:
    """Return the inverse of a lower triangular matrix, by forward substitution, row by row."""
    inverse = np.zeros_like(factor)
    for k in range(len(factor)):
        row = -np.einsum("j,ji->i", factor[k, :k], inverse[:k])
        row[k] += 1
        inverse[k] = row / factor[k, k]
    return inverse


def _eligible_contexts(actions: ActionSet) -> Floats:
    """Return the contexts of the eligible candidates as beliefs learn them, with an intercept in front.

    Raises:
        ValueError: the action set does not have a context for each candidate.
    """
    if len(actions.contexts) != len(actions.values):
        raise ValueError(
            f"{len(actions.values)} candidates have {len(actions.contexts)} contexts; this policy needs all of them"
        )
    return quantise([actions.contexts[index] for index in actions.eligible_indices]) / FIXED_POINT_UNIT


@dataclass(frozen=True, slots=True)
class LinUCB(TunablePolicy):
    """A policy that chooses the candidate of the largest mean + alpha·√(xᵀ A⁻¹ x), and the first of equal ones.

    Source: Li, Chu, Langford and Schapire, A Contextual-Bandit Approach to Personalized News Article Recommendation
    (2010), algorithm 1, with one set of coefficients for all arms as in Chu, Li, Reyzin and Schapire (2011).
    """

    beliefs: Beliefs
    alpha: Unsigned = 1.0
    ridge: Positive = 1.0
    name: ClassVar[str] = "linucb"

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return 1 for the chosen candidate and 0 for the others."""
        eligible = actions.eligible_indices
        propensities = [0.0] * len(actions.values)
        if eligible:
            x = _eligible_contexts(actions)
            fit = ridge_regression(self.beliefs.linear, x.shape[1], self.ridge)
            width = np.sqrt((fit.whitened(x) ** 2).sum(axis=1))
            propensities[eligible[int(np.argmax(fit.means(x) + self.alpha * width))]] = 1.0
        return tuple(propensities)


@dataclass(frozen=True, slots=True)
class LinTS(TunablePolicy):
    """A policy that chooses each candidate by the share of `draws` coefficient vectors for which it is best.

    The vectors are mean + scale·L⁻ᵀε, of fixed standard normal ε that follow from `seed`; of equal candidates the
    first is best. The policy is defined by these draws and estimates nothing with them, so its propensity is
    exact, and the same wherever it is computed. A candidate that is best for none of them has a propensity of 0; a
    floor mends that. Source: Agrawal and Goyal, Thompson Sampling for Contextual Bandits with Linear Payoffs
    (2013), algorithm 1, with scale for their v.
    """

    beliefs: Beliefs
    scale: Unsigned = 0.5
    ridge: Positive = 1.0
    draws: Count = 500
    seed: Annotated[int, Bounds(0, 2**32 - 1, whole=True)] = 0
    name: ClassVar[str] = "lints"

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return each candidate's share of the draws."""
        eligible = actions.eligible_indices
        propensities = [0.0] * len(actions.values)
        if eligible:
            x = _eligible_contexts(actions)
            fit = ridge_regression(self.beliefs.linear, x.shape[1], self.ridge)
            spread = np.einsum("ik,kn->in", fit.whitened(x), normal_draws(x.shape[1], self.draws, self.seed))
            best = np.argmax(fit.means(x)[:, None] + self.scale * spread, axis=0)
            for index, wins in zip(eligible, np.bincount(best, minlength=len(eligible)).tolist(), strict=True):
                propensities[index] = wins / self.draws
        return tuple(propensities)


@lru_cache(maxsize=4)
def normal_draws(d: int, draws: int, seed: int) -> Floats:
    """Return fixed standard normal numbers, shape (d, draws).

    They are PCG64's raw stream, whose values NumPy keeps, by the inverse of Φ.

    Each draw is a column, taken from the stream together with its negative: the mean of all is 0 for even `draws`.
    """
    half = (draws + 1) // 2
    raw = np.random.PCG64(seed).random_raw(half * d)
    normal = [NormalDist().inv_cdf(((bits >> 11) + 0.5) / 2**53) for bits in raw.tolist()]
    draws_of_half = np.array(normal).reshape(half, d)
    return np.ascontiguousarray(np.concatenate([draws_of_half, -draws_of_half])[:draws].T)
