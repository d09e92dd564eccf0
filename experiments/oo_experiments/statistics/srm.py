"""This module tests for a sample ratio mismatch.

If an arm got more or fewer than it should, no comparison is worth reading.

Sources: Fabijan et al., Diagnosing Sample Ratio Mismatch in Online Controlled Experiments (KDD 2019); p < 0.001 and the
least expected count of each variation as in GrowthBook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oo_experiments.statistics.quantiles import chi2_sf

__all__ = ["SampleRatioTest", "by_propensities", "by_weights"]

Floats = NDArray[np.float64]
ALARM_P_VALUE = 0.001
RANK_TOLERANCE = 1e-10  # of the largest variance; a smaller one is rounding, as of the sum of all arms, which is fixed
MIN_EXPECTED = 8.0  # of each variation; with fewer, χ² is no approximation


@dataclass(frozen=True, slots=True)
class SampleRatioTest:
    """The observed and the expected counts of each variation, with the p-value of their difference."""

    observed: tuple[float, ...]
    expected: tuple[float, ...]
    chi2: float
    degrees: int
    p: float

    @property
    def enough(self) -> bool:
        """Whether each variation that could be drawn was expected often enough for the p-value to mean something."""
        return min((mean for mean in self.expected if mean > 0), default=0.0) >= MIN_EXPECTED

    @property
    def alarm(self) -> bool:
        """Whether the counts do not fit: the p-value is below ALARM_P_VALUE, or something impossible was drawn."""
        return self.chi2 == np.inf or (self.enough and self.p < ALARM_P_VALUE)


def by_weights(counts: Sequence[int], weights: Sequence[float]) -> SampleRatioTest:
    """Return the test of users of each variation against the weights that they were split by: Pearson's χ².

    Raises:
        ValueError: counts and weights differ in number, or are not usable.

    >>> by_weights([50_000, 48_000], [0.5, 0.5]).alarm, by_weights([50_000, 49_600], [0.5, 0.5]).alarm
    (True, False)
    """
    observed, share = np.asarray(counts, float), np.asarray(weights, float)
    if observed.shape != share.shape or observed.ndim != 1:
        raise ValueError(f"counts and weights are one number for each variation, not {len(counts)} and {len(weights)}")
    if (observed < 0).any() or not (share >= 0).all() or not 0 < share.sum() < np.inf:
        raise ValueError("counts and weights are not negative, and some weight is above zero")
    share = share / share.sum()
    total = observed.sum()
    covariance = total * (np.diag(share) - np.outer(share, share))
    return _sample_ratio_test(observed, total * share, covariance, impossible=bool(observed[share == 0].any()))


def by_propensities(chosen: ArrayLike, propensities: ArrayLike, draws: ArrayLike | None = None) -> SampleRatioTest:
    """Return the test of rounds of each variation against the sum of their logged propensities.

    A round's propensities may depend on all rounds before it: observed minus expected is a martingale with the
    covariance Σ diag(p) - p pᵀ, so χ² holds for bandits as well, as far as one round's share of that covariance becomes
    small (Hall and Heyde, Martingale Limit Theory and Its Application, 1980, corollary 3.1).

    Args:
        chosen: shape (rounds,), the index of the variation that was shown.
        propensities: shape (rounds, variations), the propensities of each round.
        draws: shape (rounds,), the key of each round's draw: the user's id where one draw decides all rounds of a user.
            Rounds of one draw count once, since users may well come back more often for a better variation.

    Raises:
        ValueError: shapes differ, a row is not a distribution, or one draw chose two variations.
    """
    index, p = np.asarray(chosen, int), np.asarray(propensities, float)
    if p.ndim != 2 or index.shape != p.shape[:1]:
        raise ValueError(f"propensities are one row for each chosen, not {p.shape} for {index.shape}")
    if not ((index >= 0) & (index < p.shape[1])).all():
        raise ValueError(f"chosen: a place from 0 to {p.shape[1] - 1}")
    if not ((p >= 0).all() and np.allclose(p.sum(axis=1), 1)):
        raise ValueError("propensities: each row is not negative and adds up to 1")
    if draws is not None:
        first = _first_of_each(np.asarray(draws), index)
        index, p = index[first], p[first]
    covariance = np.diag(p.sum(axis=0)) - p.T @ p
    impossible = bool((p[np.arange(len(index)), index] == 0).any())
    observed = np.bincount(index, minlength=p.shape[1]).astype(float)
    return _sample_ratio_test(observed, p.sum(axis=0), covariance, impossible=impossible)


def _first_of_each(draws: NDArray[np.generic], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    if draws.shape != chosen.shape:
        raise ValueError(f"draws are one for each chosen, not {draws.shape} for {chosen.shape}")
    _, first, group = np.unique(draws, return_index=True, return_inverse=True)
    contradictory = np.flatnonzero(chosen != chosen[first][group])
    if len(contradictory):
        raise ValueError(f"draws: {draws[contradictory[0]]!s} chose two variations")
    return np.asarray(first)


def _sample_ratio_test(observed: Floats, expected: Floats, covariance: Floats, *, impossible: bool) -> SampleRatioTest:
    """Return χ² over the directions in which counts vary; what had a propensity of 0 must not have happened."""
    variance, direction = np.linalg.eigh(covariance)
    varies = variance > RANK_TOLERANCE * max(float(variance.max()), 0.0)
    along = direction.T @ (observed - expected)
    chi2 = np.inf if impossible else float((along[varies] ** 2 / variance[varies]).sum())
    degrees = int(varies.sum())
    p = 0.0 if impossible else chi2_sf(chi2, degrees) if degrees else 1.0
    return SampleRatioTest(tuple(observed.tolist()), tuple(expected.tolist()), chi2, degrees, p)
