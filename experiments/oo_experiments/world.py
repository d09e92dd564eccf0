"""Worlds whose truth is known, so that a policy's regret and an estimator's error are numbers and not opinions.

A world has finitely many situations, each equally likely, so that the value of any policy in it is a finite sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oo_experiments.choice import Choice
from oo_experiments.policy import Policy

__all__ = ["WORLDS", "World", "arms_only", "linear", "nonlinear"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
RATES = (0.25, 0.3, 0.35, 0.4, 0.5)


@dataclass(frozen=True, eq=False)
class World:
    """What can be met: `contexts` has the shape (situations, candidates, length), the other arrays its first two axes.

    A reward is `low` or `high`, with the chance of `high` that makes its mean the one in `means`. No context (length 0)
    means that only arms tell candidates apart; each place has its arm.
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
        """The mean reward of the best candidate that may be chosen, in each situation."""
        return np.asarray(np.where(self.eligible, self.means, -np.inf).max(axis=1))

    @cached_property
    def _seen(self) -> list[tuple[tuple[bool, ...], tuple[tuple[float, ...], ...]]]:
        rows = (tuple(map(tuple, found)) if self.contexts.shape[2] else () for found in self.contexts.tolist())
        return list(zip(map(tuple, self.eligible.tolist()), rows, strict=True))

    def choice(self, situation: int, values: Sequence[float]) -> Choice:
        """A situation as a policy sees it, with a model's values."""
        eligible, contexts = self._seen[situation]
        return Choice(values, eligible, eligible.index(True), self.arms, contexts)

    def value(self, policy: Policy, values: Floats) -> float:
        """The true mean reward of a policy that no longer learns, of a model's values: exact, not an estimate."""
        chances = np.array([policy.probabilities(self.choice(*seen)) for seen in enumerate(values.tolist())])
        return float((chances * self.means).sum(axis=1).mean())

    def rewards(self, situations: Index, luck: Floats) -> Floats:
        """What each candidate would have earned in each round; `luck` is uniform, shape (rounds, candidates)."""
        chance = (self.means[situations] - self.low) / (self.high - self.low)
        return np.where(luck < chance, self.high, self.low)


def arms_only(means: Sequence[float] = RATES, low: float = 0.0, high: float = 1.0) -> World:
    """One situation, arms a0, a1, … of these mean rewards."""
    names = tuple(f"a{place}" for place in range(len(means)))
    found = np.array([means], np.float64)
    return World(names, np.zeros((*found.shape, 0)), found, np.ones(found.shape, np.bool_), low, high)


def linear(seed: int = 0, situations: int = 200, candidates: int = 5, length: int = 6) -> World:
    """Means that are linear in contexts: what ridge regressions assume."""
    return _contextual(seed, (situations, candidates, length), lambda x, tilt: x @ tilt)


def nonlinear(seed: int = 0, situations: int = 200, candidates: int = 5, length: int = 6) -> World:
    """Means that are waves over contexts, which no linear model has."""
    return _contextual(seed, (situations, candidates, length), lambda x, tilt: np.sin(4 * (x @ tilt)) + x[..., 0])


def _contextual(seed: int, shape: tuple[int, int, int], of: Callable[[Floats, Floats], Floats]) -> World:
    """Means from 0.1 to 0.9; one candidate in ten may not be chosen."""
    draw = np.random.default_rng(seed)
    contexts = draw.random(shape)
    raw = of(contexts, draw.normal(size=shape[2]))
    means = 0.1 + 0.8 * (raw - raw.min()) / np.ptp(raw)
    eligible = draw.random(shape[:2]) < 0.9
    eligible[~eligible.any(axis=1)] = True
    return World(tuple(f"a{place}" for place in range(shape[1])), contexts, means, eligible)


WORLDS: Mapping[str, Callable[[], World]] = {"arms": arms_only, "linear": linear, "nonlinear": nonlinear}
