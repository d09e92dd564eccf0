"""Sample ratio mismatch: whether as many were assigned as should have been. If not, no comparison is worth reading.

Sources: Fabijan et al., Diagnosing Sample Ratio Mismatch in Online Controlled Experiments (KDD 2019); p < 0.001 and the
fewest of each variation as in GrowthBook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oo_experiments.quantiles import chi2_sf

__all__ = ["Counted", "by_propensities", "by_weights"]

Floats = NDArray[np.float64]
ALARM = 0.001
CLOSE = 1e-10  # of the largest variance, below which a direction's is rounding: all arms together do not vary
FEWEST = 8.0  # expected of each variation, below which χ² is no approximation


@dataclass(frozen=True, slots=True)
class Counted:
    """What was observed and what had been expected of each variation, with the p-value of the difference."""

    observed: tuple[float, ...]
    expected: tuple[float, ...]
    chi2: float
    degrees: int
    p: float

    @property
    def enough(self) -> bool:
        """Whether each variation that could be drawn was to be drawn often enough for the p-value to mean something."""
        return min((mean for mean in self.expected if mean > 0), default=0.0) >= FEWEST

    @property
    def alarm(self) -> bool:
        return self.chi2 == np.inf or (self.enough and self.p < ALARM)


def by_weights(counts: Sequence[int], weights: Sequence[float]) -> Counted:
    """Users of each variation against the weights that they were split by: Pearson's χ².

    >>> by_weights([50_000, 48_000], [0.5, 0.5]).alarm, by_weights([50_000, 49_600], [0.5, 0.5]).alarm
    (True, False)

    Raises:
        ValueError: counts and weights differ in number, or there is nothing to go by.
    """
    observed, share = np.asarray(counts, float), np.asarray(weights, float)
    if observed.shape != share.shape or observed.ndim != 1:
        raise ValueError(f"counts and weights are one number for each variation, not {len(counts)} and {len(weights)}")
    if (observed < 0).any() or not (share >= 0).all() or not 0 < share.sum() < np.inf:
        raise ValueError("counts and weights are not negative, and some weight is above zero")
    share = share / share.sum()
    total = observed.sum()
    covariance = total * (np.diag(share) - np.outer(share, share))
    return _counted(observed, total * share, covariance, impossible=bool(observed[share == 0].any()))


def by_propensities(chosen: ArrayLike, chances: ArrayLike, draws: ArrayLike | None = None) -> Counted:
    """Rounds of each variation against the sum of their logged propensities.

    A round's propensities may depend on all rounds before it: observed minus expected is a martingale with the
    covariance Σ diag(p) - p pᵀ, so χ² holds for bandits as well, as far as one round's share of that covariance becomes
    small (Hall and Heyde, Martingale Limit Theory and Its Application, 1980, corollary 3.1).

    Args:
        chosen: shape (rounds,), the place of the variation that was shown.
        chances: shape (rounds, variations), the propensities of each round.
        draws: shape (rounds,), what drew each round: the user's id where one draw decides all of a user's rounds.
            Rounds of one draw count once, since users may well come back more often for a better variation.

    Raises:
        ValueError: shapes differ, a row is not a distribution, or one draw chose two variations.
    """
    at, p = np.asarray(chosen, int), np.asarray(chances, float)
    if p.ndim != 2 or at.shape != p.shape[:1]:
        raise ValueError(f"chances are one row for each chosen, not {p.shape} for {at.shape}")
    if not ((at >= 0) & (at < p.shape[1])).all():
        raise ValueError(f"chosen: a place from 0 to {p.shape[1] - 1}")
    if not ((p >= 0).all() and np.allclose(p.sum(axis=1), 1)):
        raise ValueError("chances: each row is not negative and adds up to 1")
    if draws is not None:
        first = _first_of_each(np.asarray(draws), at)
        at, p = at[first], p[first]
    covariance = np.diag(p.sum(axis=0)) - p.T @ p
    impossible = bool((p[np.arange(len(at)), at] == 0).any())
    observed = np.bincount(at, minlength=p.shape[1]).astype(float)
    return _counted(observed, p.sum(axis=0), covariance, impossible=impossible)


def _first_of_each(draws: NDArray[np.generic], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    if draws.shape != chosen.shape:
        raise ValueError(f"draws are one for each chosen, not {draws.shape} for {chosen.shape}")
    _, first, which = np.unique(draws, return_index=True, return_inverse=True)
    torn = np.flatnonzero(chosen != chosen[first][which])
    if len(torn):
        raise ValueError(f"draws: {draws[torn[0]]!s} chose two variations")
    return np.asarray(first)


def _counted(observed: Floats, expected: Floats, covariance: Floats, *, impossible: bool) -> Counted:
    """χ² over the directions in which there was chance; what had no chance must not have happened."""
    variance, direction = np.linalg.eigh(covariance)
    drawn = variance > CLOSE * max(float(variance.max()), 0.0)
    along = direction.T @ (observed - expected)
    chi2 = np.inf if impossible else float((along[drawn] ** 2 / variance[drawn]).sum())
    degrees = int(drawn.sum())
    p = 0.0 if impossible else chi2_sf(chi2, degrees) if degrees else 1.0
    return Counted(tuple(observed.tolist()), tuple(expected.tolist()), chi2, degrees, p)
