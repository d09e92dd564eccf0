"""Thompson sampling whose odds are computed, not sampled: the propensity is exact and nothing is random.

Source: Thompson, On the Likelihood that One Unknown Probability Exceeds Another (1933), here for any number of arms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oo_experiments.arms import check_range, tallies
from oo_experiments.beliefs import Beliefs
from oo_experiments.choice import Choice
from oo_experiments.parameters import Prior, Reward, check, stated

__all__ = ["Thompson", "odds_of_being_best"]

POINTS, MANY = 128, 20  # for each distinct arm; a quarter where they are many, as they all share them
Floats = NDArray[np.float64]
Beta = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Thompson:
    """Each arm by its chance of being the best one, under a Beta belief over its mean; candidates of one arm share it.

    A reward is the share of the way from `low` to `high` that it is. An unseen arm has the prior.
    """

    beliefs: Beliefs
    prior_wins: Prior = 1.0
    prior_losses: Prior = 1.0
    low: Reward = 0.0
    high: Reward = 1.0
    name: ClassVar[str] = "thompson"

    def __post_init__(self) -> None:
        check(self)
        check_range(self.low, self.high)

    @property
    def version(self) -> str:
        return stated(self)

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        known = tallies(self.beliefs, of, self.low, self.high)
        betas = tuple(
            (self.prior_wins + tally.wins, self.prior_losses + tally.rounds - tally.wins) for tally in known.values()
        )
        odds = dict(zip(known, odds_of_being_best(betas), strict=True))
        shared = Counter(of.arms[place] for place in of.able)
        chances = zip(of.arms, of.eligible, strict=True)
        return tuple(odds[arm] / shared[arm] if able else 0.0 for arm, able in chances)


@lru_cache(maxsize=4096)
def odds_of_being_best(arms: tuple[Beta, ...]) -> tuple[float, ...]:
    """The chance that each Beta(a, b) variable is the largest of them, by quadrature; within 0.001.

    Over the log-odds t of the rate, where a Beta's density has one mode and no poles, also for a, b < 1.
    The grid is the union of one for each arm, dense where its mass is, so a peak of a million rounds is not missed
    between the points of a wide one. An arm's odds are the sum over cells of its mass there times the chance that all
    others lie below.

    >>> [round(chance, 3) for chance in odds_of_being_best(((1, 1), (2, 1)))]
    [0.333, 0.667]
    """
    if len(arms) < 2:
        return (1.0,) * len(arms)
    distinct = sorted(set(arms))
    points = POINTS if len(distinct) <= MANY else POINTS // 4
    t = np.unique(np.concatenate([_grid(a, b, points) for a, b in distinct]))
    mass = _masses(arms, t)
    below = mass.cumsum(axis=1) - mass / 2
    best = (mass * below.prod(axis=0) / below.clip(1e-300)).sum(axis=1)
    return tuple((best / best.sum()).tolist())


def _grid(a: float, b: float, points: int) -> Floats:
    """Points of t: even around the mode, ever wider in the tails, which fall like exp(a·t) and exp(-b·t)."""
    spread = np.sqrt(1 / a + 1 / b)
    scale = min(1.0, spread)
    left, right = np.arcsinh((6 * spread + 16 / np.array([a, b])) / scale)
    return np.asarray(np.log(a / b) + scale * np.sinh(np.linspace(-left, right, points)))


def _masses(arms: Sequence[Beta], t: Floats) -> Floats:
    """Each arm's mass in each cell between neighbouring points; shape (arms, points - 1)."""
    a, b = np.array(arms, np.float64).T[..., None]
    log_density = -a * np.logaddexp(0, -t) - b * np.logaddexp(0, t)
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    mass = (density[:, 1:] + density[:, :-1]) * np.diff(t)
    return np.asarray(mass / mass.sum(axis=1, keepdims=True))
