"""This module is Thompson sampling whose propensities are computed instead of sampled, and so are exact.

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

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.arm_counts import arm_counts, check_reward_range
from oo_experiments.policies.beliefs import Beliefs
from oo_experiments.policies.parameters import Prior, Reward, TunablePolicy, validate_parameters

__all__ = ["Thompson", "probabilities_of_best"]

GRID_POINTS, MANY_ARMS = 128, 20  # points of each distinct arm; many arms have a quarter, as they share all points
Floats = NDArray[np.float64]
Beta = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Thompson(TunablePolicy):
    """A policy that gives each arm its probability of being best, under a Beta belief over its mean.

    Candidates of one arm share it. A reward counts as the part of the way from
    `low` to `high`; an unseen arm has the prior.
    """

    beliefs: Beliefs
    prior_wins: Prior = 1.0
    prior_losses: Prior = 1.0
    low: Reward = 0.0
    high: Reward = 1.0
    name: ClassVar[str] = "thompson"

    def __post_init__(self) -> None:
        validate_parameters(self)
        check_reward_range(self.low, self.high)

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return the propensity of each candidate."""
        counts = arm_counts(self.beliefs, actions, self.low, self.high)
        betas = tuple(
            (self.prior_wins + count.wins, self.prior_losses + count.rounds - count.wins) for count in counts.values()
        )
        best = dict(zip(counts, probabilities_of_best(betas), strict=True))
        shared = Counter(actions.arms[index] for index in actions.eligible_indices)
        eligibility = zip(actions.arms, actions.eligible, strict=True)
        return tuple(best[arm] / shared[arm] if is_eligible else 0.0 for arm, is_eligible in eligibility)


@lru_cache(maxsize=4096)
def probabilities_of_best(arms: tuple[Beta, ...]) -> tuple[float, ...]:
    """Return the probability that each Beta(a, b) variable is the largest of them, by quadrature; within 0.001.

    The variable of integration is the log-odds t of the rate, over which a Beta's density has one mode and no poles,
    also for a, b < 1. The grid is the union of one for each arm, dense where its mass is, so a peak of a million rounds
    is not missed between the points of a wide one. An arm's probability is the sum over cells of its mass there times
    the probability that all others lie below.

    >>> [round(probability, 3) for probability in probabilities_of_best(((1, 1), (2, 1)))]
    [0.333, 0.667]
    """
    if len(arms) < 2:
        return (1.0,) * len(arms)
    distinct = sorted(set(arms))
    points = GRID_POINTS if len(distinct) <= MANY_ARMS else GRID_POINTS // 4
    t = np.unique(np.concatenate([_grid(a, b, points) for a, b in distinct]))
    mass = _masses(arms, t)
    below = mass.cumsum(axis=1) - mass / 2
    best = (mass * below.prod(axis=0) / below.clip(1e-300)).sum(axis=1)
    return tuple((best / best.sum()).tolist())


def _grid(a: float, b: float, points: int) -> Floats:
    """Return points of t: even around the mode, ever wider in the tails, which fall like exp(a·t) and exp(-b·t)."""
    spread = np.sqrt(1 / a + 1 / b)
    scale = min(1.0, spread)
    left, right = np.arcsinh((6 * spread + 16 / np.array([a, b])) / scale)
    return np.asarray(np.log(a / b) + scale * np.sinh(np.linspace(-left, right, points)))


def _masses(arms: Sequence[Beta], t: Floats) -> Floats:
    """Return each arm's mass in each cell between neighbouring points, shape (arms, points - 1)."""
    a, b = np.array(arms, np.float64).T[..., None]
    log_density = -a * np.logaddexp(0, -t) - b * np.logaddexp(0, t)
    # Each density is scaled by its own maximum: after a million rounds it would underflow everywhere.
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    mass = (density[:, 1:] + density[:, :-1]) * np.diff(t)
    return np.asarray(mass / mass.sum(axis=1, keepdims=True))
