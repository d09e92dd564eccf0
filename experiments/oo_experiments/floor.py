"""A least chance for every candidate, so that no arm goes unobserved and no weight becomes infinite."""

from __future__ import annotations

from dataclasses import dataclass

from oo_experiments.choice import Choice
from oo_experiments.parameters import Share, check, number
from oo_experiments.policy import Policy

__all__ = ["Floored"]


@dataclass(frozen=True, slots=True)
class Floored:
    """f + (1 - n·f)·w for each of n eligible candidates: additive, so order and relative spacing stay.

    n differs from call to call, so a floor above 1/n counts as 1/n there: all candidates alike. Source: GrowthBook's
    bandits; cutting off at the floor and renormalising would flatten what lies near it.
    """

    policy: Policy
    floor: Share

    def __post_init__(self) -> None:
        check(self)

    @property
    def name(self) -> str:
        return self.policy.name

    @property
    def version(self) -> str:
        return f"{self.policy.version},floor={number(self.floor)}"

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        count = sum(of.eligible)
        if not count:
            return self.policy.probabilities(of)
        least = min(self.floor, 1 / count)
        rest = max(0.0, 1 - count * least)
        chances = zip(self.policy.probabilities(of), of.eligible, strict=True)
        return tuple(least + rest * chance if able else 0.0 for chance, able in chances)
