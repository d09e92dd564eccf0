"""This module is the policy of inverse gap weighting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.parameters import TunablePolicy, Unsigned

__all__ = ["SquareCB"]


@dataclass(frozen=True, slots=True)
class SquareCB(TunablePolicy):
    """A policy that gives each of n candidates 1 / (n + gamma·gap), and the rest to the best, the first of equals.

    The gap is how far a value lies below the best one. Source: Foster and Rakhlin, Beyond UCB (2020), algorithm 1 with
    mu = n; the scheme is Abe and Long's (1999). VowpalWabbit's --squarecb has the same, over costs.

    >>> SquareCB(10).probabilities(ActionSet.all_eligible(0.1, 0.9))
    (0.1, 0.9)
    """

    gamma: Unsigned = 100.0
    name: ClassVar[str] = "squarecb"

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return the propensity of each candidate."""
        eligible = actions.eligible_indices
        propensities = [0.0] * len(actions.values)
        if eligible:
            best = max(eligible, key=actions.values.__getitem__)
            for index in eligible:
                propensities[index] = 1 / (len(eligible) + self.gamma * (actions.values[best] - actions.values[index]))
            propensities[best] = 1 - sum(propensities[index] for index in eligible if index != best)
        return tuple(propensities)
