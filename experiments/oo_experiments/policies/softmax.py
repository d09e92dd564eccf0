"""This module is the policy of Boltzmann exploration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.parameters import Positive, TunablePolicy

__all__ = ["Softmax"]


@dataclass(frozen=True, slots=True)
class Softmax(TunablePolicy):
    """A policy whose propensities are in proportion to exp(value / temperature).

    The temperature is in units of the values.

    >>> Softmax(1.0).probabilities(ActionSet.all_eligible(0.0, math.log(3)))
    (0.25, 0.75)
    """

    temperature: Positive = 0.1
    name: ClassVar[str] = "softmax"

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return the propensity of each candidate.

        The largest value is subtracted first, so that no power overflows.
        """
        best = max((actions.values[index] for index in actions.eligible_indices), default=0.0)
        weights = [
            math.exp((value - best) / self.temperature) if is_eligible else 0.0
            for value, is_eligible in zip(actions.values, actions.eligible, strict=True)
        ]
        total = sum(weights) or 1.0
        return tuple(weight / total for weight in weights)
