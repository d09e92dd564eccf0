"""This module is the policy of optimism over arms.

It is deterministic: propensities are 0 and 1 unless it has a floor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.arm_counts import ArmCount, arm_counts, check_reward_range
from oo_experiments.policies.beliefs import Beliefs
from oo_experiments.policies.parameters import Reward, TunablePolicy, validate_parameters

__all__ = ["UCB1"]


@dataclass(frozen=True, slots=True)
class UCB1(TunablePolicy):
    """A policy that chooses the arm of the largest mean + √(2 ln N / n).

    An unseen arm comes first, and of equal arms the first.

    Means are shares of the way from `low` to `high`, n an arm's rounds, N those of all arms that may be chosen now.
    Source: Auer, Cesa-Bianchi and Fischer, Finite-time Analysis of the Multiarmed Bandit Problem (2002), figure 1.
    """

    beliefs: Beliefs
    low: Reward = 0.0
    high: Reward = 1.0
    name: ClassVar[str] = "ucb1"

    def __post_init__(self) -> None:
        validate_parameters(self)
        check_reward_range(self.low, self.high)

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return 1 for the chosen candidate and 0 for the others."""
        counts = arm_counts(self.beliefs, actions, self.low, self.high)
        total = sum(count.rounds for count in counts.values())
        bounds = {arm: _bound(count, total) for arm, count in counts.items()}
        first = max(actions.eligible_indices, key=lambda index: bounds[actions.arms[index]], default=None)
        return tuple(1.0 if index == first else 0.0 for index in range(len(actions.values)))


def _bound(tally: ArmCount, total: int) -> float:
    if not tally.rounds:
        return math.inf
    return tally.wins / tally.rounds + math.sqrt(2 * math.log(total) / tally.rounds)
