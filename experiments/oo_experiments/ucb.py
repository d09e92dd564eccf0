"""Optimism over arms: no randomness, so no propensity but 0 and 1; a floor makes its log evaluable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from oo_experiments.arms import Tally, check_range, tallies
from oo_experiments.beliefs import Beliefs
from oo_experiments.choice import Choice
from oo_experiments.parameters import Reward, check, stated

__all__ = ["UCB1"]


@dataclass(frozen=True, slots=True)
class UCB1:
    """Always the arm of the largest mean + √(2 ln N / n); an unseen arm first, and the first of equals.

    Means are shares of the way from `low` to `high`, n an arm's rounds, N those of all arms that may be chosen now.
    Source: Auer, Cesa-Bianchi and Fischer, Finite-time Analysis of the Multiarmed Bandit Problem (2002), figure 1.
    """

    beliefs: Beliefs
    low: Reward = 0.0
    high: Reward = 1.0
    name: ClassVar[str] = "ucb1"

    def __post_init__(self) -> None:
        check(self)
        check_range(self.low, self.high)

    @property
    def version(self) -> str:
        return stated(self)

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        known = tallies(self.beliefs, of, self.low, self.high)
        total = sum(tally.rounds for tally in known.values())
        bounds = {arm: _bound(tally, total) for arm, tally in known.items()}
        first = max(of.able, key=lambda place: bounds[of.arms[place]], default=None)
        return tuple(1.0 if place == first else 0.0 for place in range(len(of.values)))


def _bound(tally: Tally, total: int) -> float:
    if not tally.rounds:
        return math.inf
    return tally.wins / tally.rounds + math.sqrt(2 * math.log(total) / tally.rounds)
