"""Inverse gap weighting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oo_experiments.choice import Choice
from oo_experiments.parameters import Unsigned, check, stated

__all__ = ["SquareCB"]


@dataclass(frozen=True, slots=True)
class SquareCB:
    """1 / (n + gamma·gap) for each of n candidates but the best, which has the rest; the first of equals is the best.

    The gap is how far a value lies below the best one. Source: Foster and Rakhlin, Beyond UCB (2020), algorithm 1 with
    mu = n; the scheme is Abe and Long's (1999). VowpalWabbit's --squarecb has the same, over costs.

    >>> SquareCB(10).probabilities(Choice.of(0.1, 0.9))
    (0.1, 0.9)
    """

    gamma: Unsigned = 100.0
    name: ClassVar[str] = "squarecb"

    def __post_init__(self) -> None:
        check(self)

    @property
    def version(self) -> str:
        return stated(self)

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        able = of.able
        chances = [0.0] * len(of.values)
        if able:
            best = max(able, key=of.values.__getitem__)
            for place in able:
                chances[place] = 1 / (len(able) + self.gamma * (of.values[best] - of.values[place]))
            chances[best] = 1 - sum(chances[place] for place in able if place != best)
        return tuple(chances)
