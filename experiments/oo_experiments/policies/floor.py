"""This module gives every candidate a least propensity, so that no arm is unobserved and no weight becomes infinite."""

from __future__ import annotations

from dataclasses import dataclass

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.parameters import Share, TunablePolicy, shortest_repr
from oo_experiments.policies.policy import Policy

__all__ = ["PropensityFloor"]


@dataclass(frozen=True, slots=True)
class PropensityFloor(TunablePolicy):
    """A policy with a floor f: f + (1 - n·f)·p for each of n eligible candidates of propensity p.

    The floor is added, so the order and the relative spacing of propensities stay. n differs from call to call, and a
    floor above 1/n counts as 1/n there: all candidates alike. Source: GrowthBook's documentation of bandits; cutting
    off at the floor and renormalising would flatten what lies near it.
    """

    policy: Policy
    floor: Share

    @property
    def name(self) -> str:
        """The name of the policy with the floor."""
        return self.policy.name

    @property
    def version(self) -> str:
        """The version of the policy, followed by the floor."""
        return f"{self.policy.version},floor={shortest_repr(self.floor)}"

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return the propensity of each candidate, at least the floor for each eligible one."""
        count = sum(actions.eligible)
        if not count:
            return self.policy.probabilities(actions)
        least = min(self.floor, 1 / count)
        rest = max(0.0, 1 - count * least)  # n · 1/n may exceed 1 by rounding
        propensities = zip(self.policy.probabilities(actions), actions.eligible, strict=True)
        return tuple(least + rest * propensity if is_eligible else 0.0 for propensity, is_eligible in propensities)
