"""This module makes worlds of known truth, so that a policy's regret and an estimator's error can be measured.

A world has finitely many situations, each equally likely, so that the value of any policy in it is a finite sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.policy import Policy

__all__ = ["WORLDS", "BanditWorld", "arms_only", "linear", "nonlinear"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
RATES = (0.25, 0.3, 0.35, 0.4, 0.5)


@dataclass(frozen=True, eq=False)
class BanditWorld:
    """A world: `contexts` has the shape (situations, candidates, length), the other arrays have its first two axes.

    A reward is `low` or `high`, with the probability of `high` that makes its mean the one in `means`. Without contexts
    (length 0) only arms tell candidates apart; each index of a candidate has its arm.
    """

    arms: tuple[str, ...]
    contexts: Floats
    means: Floats
    eligible: NDArray[np.bool_]
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not self.eligible.any(axis=1).all():
            raise ValueError("a situation has no candidate that may be chosen")
        if not ((self.low <= self.means) & (self.means <= self.high)).all():
            raise ValueError(f"a mean is not from {self.low} to {self.high}")

    def __len__(self) -> int:
        return len(self.means)

    @cached_property
    def best(self) -> Floats:
        """The mean reward of the best eligible candidate, in each situation."""
        return np.asarray(np.where(self.eligible, self.means, -np.inf).max(axis=1))

    @cached_property
    def _seen(self) -> list[tuple[tuple[bool, ...], tuple[tuple[float, ...], ...]]]:
        rows = (tuple(map(tuple, contexts)) if self.contexts.shape[2] else () for contexts in self.contexts.tolist())
        return list(zip(map(tuple, self.eligible.tolist()), rows, strict=True))

    def choice(self, situation: int, values: Sequence[float]) -> ActionSet:
        """Return a situation as a policy sees it, with a model's values."""
        eligible, contexts = self._seen[situation]
        return ActionSet(values, eligible, eligible.index(True), self.arms, contexts)

    def value(self, policy: Policy, values: Floats) -> float:
        """Return the true mean reward of a policy that does not learn any more, given a model's values; it is exact."""
        propensities = np.array(
            [policy.probabilities(self.choice(*situation_values)) for situation_values in enumerate(values.tolist())]
        )
        return float((propensities * self.means).sum(axis=1).mean())

    def rewards(self, situations: Index, luck: Floats) -> Floats:
        """Return what each candidate would have earned in each round; `luck` is uniform, shape (rounds, candidates)."""
        probability = (self.means[situations] - self.low) / (self.high - self.low)
        return np.where(luck < probability, self.high, self.low)


def arms_only(means: Sequence[float] = RATES, low: float = 0.0, high: float = 1.0) -> BanditWorld:
    """Return a world of one situation, with arms a0, a1, … of these mean rewards."""
    names = tuple(f"a{index}" for index in range(len(means)))
    mean_rewards = np.array([means], np.float64)
    return BanditWorld(
        names, np.zeros((*mean_rewards.shape, 0)), mean_rewards, np.ones(mean_rewards.shape, np.bool_), low, high
    )


def linear(seed: int = 0, situations: int = 200, candidates: int = 5, length: int = 6) -> BanditWorld:
    """Return a world whose means are linear in contexts, as ridge regressions assume."""
    return _contextual(seed, (situations, candidates, length), lambda x, tilt: x @ tilt)


def nonlinear(seed: int = 0, situations: int = 200, candidates: int = 5, length: int = 6) -> BanditWorld:
    """Return a world whose means are waves over contexts, which no linear model can represent."""
    return _contextual(seed, (situations, candidates, length), lambda x, tilt: np.sin(4 * (x @ tilt)) + x[..., 0])


def _contextual(seed: int, shape: tuple[int, int, int], mean_of: Callable[[Floats, Floats], Floats]) -> BanditWorld:
    """Return a world with means from 0.1 to 0.9, in which one candidate in ten is not eligible."""
    generator = np.random.default_rng(seed)
    contexts = generator.random(shape)
    raw = mean_of(contexts, generator.normal(size=shape[2]))
    means = 0.1 + 0.8 * (raw - raw.min()) / np.ptp(raw)
    eligible = generator.random(shape[:2]) < 0.9
    eligible[~eligible.any(axis=1)] = True
    return BanditWorld(tuple(f"a{index}" for index in range(shape[1])), contexts, means, eligible)


WORLDS: Mapping[str, Callable[[], BanditWorld]] = {"arms": arms_only, "linear": linear, "nonlinear": nonlinear}
