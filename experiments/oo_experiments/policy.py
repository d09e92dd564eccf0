"""A policy returns probabilities and cannot do otherwise; one function draws, seeded by the request id.

So the propensity is always known, and replay, shadow policies and off-policy evaluation are the same call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, Protocol

from oo_experiments.choice import Choice
from oo_experiments.parameters import Share, check, number

__all__ = [
    "Baseline",
    "Decision",
    "EpsilonGreedy",
    "Greedy",
    "Policy",
    "Uniform",
    "UnknownPolicy",
    "decide",
    "draw",
    "fraction",
]


class UnknownPolicy(ValueError):
    """A name and version that this code cannot build."""


class Policy(Protocol):
    """Name and version are logged with every round."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        """Chance of choosing each candidate: 0 for one that is not eligible, 1 in sum if any is."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every eligible candidate alike.

    >>> Uniform().probabilities(Choice([3, 1, 2], [True, False, True]))
    (0.5, 0.0, 0.5)
    """

    name: ClassVar[str] = "uniform"
    version: ClassVar[str] = "1"

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        count = sum(of.eligible)
        return tuple(1 / count if able else 0.0 for able in of.eligible)


@dataclass(frozen=True, slots=True)
class EpsilonGreedy:
    """The best-valued candidate, but a share `epsilon` goes to all evenly; the first of equals is the best.

    >>> EpsilonGreedy(0.2).probabilities(Choice.of(0.1, 0.9))
    (0.1, 0.9)
    """

    epsilon: Share
    name: ClassVar[str] = "epsilon-greedy"

    def __post_init__(self) -> None:
        check(self)

    @property
    def version(self) -> str:
        """The share alone, as it was before policies had more parameters: logs have it so."""
        return number(self.epsilon)

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        able = of.able
        chances = [0.0] * len(of.values)
        for place in able:
            chances[place] = self.epsilon / len(able)
        if able:
            chances[max(able, key=of.values.__getitem__)] += 1 - self.epsilon
        return tuple(chances)


@dataclass(frozen=True, slots=True)
class Greedy:
    """Always the best-valued candidate."""

    name: ClassVar[str] = "greedy"
    version: ClassVar[str] = "1"

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        return EpsilonGreedy(0.0).probabilities(of)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What would have been shown without us: the answer when there are no values to go by."""

    name: ClassVar[str] = "baseline"
    version: ClassVar[str] = "1"

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        able = of.able
        first = of.baseline if of.baseline in able else next(iter(able), None)
        return tuple(1.0 if place == first else 0.0 for place in range(len(of.values)))


@dataclass(frozen=True, slots=True)
class Decision:
    """What was drawn. `index` and `propensity` are None when no candidate was eligible."""

    index: int | None
    propensity: float | None
    propensities: tuple[float, ...]


def decide(policy: Policy, of: Choice, *, key: str) -> Decision:
    """Draw one candidate; the same key always draws the same one from the same chances."""
    if not any(of.eligible):
        return Decision(None, None, (0.0,) * len(of.values))
    chances = policy.probabilities(of)
    index = draw(chances, fraction(key))
    return Decision(index, chances[index], chances)


def draw(chances: Sequence[float], point: float) -> int:
    """The candidate in whose stretch of [0, 1) the point lies; rounding never picks one without a chance."""
    possible = [(place, upto) for place, upto in enumerate(accumulate(chances)) if chances[place] > 0]
    return next((place for place, upto in possible if point < upto), possible[-1][0])


def fraction(key: str) -> float:
    """A key as a number in [0, 1): the first 53 bits of its BLAKE2b digest."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, person=b"oo-decide").digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)
