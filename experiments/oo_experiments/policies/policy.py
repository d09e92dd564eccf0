"""This module defines policies, which return probabilities, and the one function that draws by a key.

So the propensity is always known, and replay, shadow policies and off-policy evaluation are the same call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, Protocol

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.parameters import Share, TunablePolicy, shortest_repr

__all__ = [
    "Baseline",
    "EpsilonGreedy",
    "Greedy",
    "Policy",
    "PolicyDecision",
    "Uniform",
    "UnknownPolicy",
    "decide",
    "propensities_of",
    "sample_index",
    "uniform_from_key",
]


class UnknownPolicy(ValueError):
    """This code cannot build a policy of that name and version."""


class Policy(Protocol):
    """A policy gives each candidate of an action set its propensity.

    Its name and version are logged with every round.
    """

    @property
    def name(self) -> str:
        """The name of the kind of policy."""

    @property
    def version(self) -> str:
        """The parameters, from which replay can build the policy again."""

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return the propensity of each candidate: 0 for one that is not eligible, 1 in sum if any is."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """A policy that gives every eligible candidate the same propensity.

    >>> Uniform().probabilities(ActionSet([3, 1, 2], [True, False, True]))
    (0.5, 0.0, 0.5)
    """

    name: ClassVar[str] = "uniform"
    version: ClassVar[str] = "1"

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return 1/n for each of n eligible candidates."""
        count = sum(actions.eligible)
        return tuple(1 / count if is_eligible else 0.0 for is_eligible in actions.eligible)


@dataclass(frozen=True, slots=True)
class EpsilonGreedy(TunablePolicy):
    """A policy that shares `epsilon` evenly, and gives the rest to the largest value, the first of equals.

    >>> EpsilonGreedy(0.2).probabilities(ActionSet.all_eligible(0.1, 0.9))
    (0.1, 0.9)
    """

    epsilon: Share
    name: ClassVar[str] = "epsilon-greedy"

    @property
    def version(self) -> str:
        """The parameter alone, without its name: logs have it so from before policies had more than one."""
        return shortest_repr(self.epsilon)

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return the propensity of each candidate."""
        eligible = actions.eligible_indices
        propensities = [0.0] * len(actions.values)
        for index in eligible:
            propensities[index] = self.epsilon / len(eligible)
        if eligible:
            propensities[max(eligible, key=actions.values.__getitem__)] += 1 - self.epsilon
        return tuple(propensities)


@dataclass(frozen=True, slots=True)
class Greedy:
    """A policy that always chooses the candidate of the largest value, and the first of equals."""

    name: ClassVar[str] = "greedy"
    version: ClassVar[str] = "1"

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return 1 for the chosen candidate and 0 for the others."""
        return EpsilonGreedy(0.0).probabilities(actions)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A policy that chooses what would have been shown without us; it acts where there are no values."""

    name: ClassVar[str] = "baseline"
    version: ClassVar[str] = "1"

    def probabilities(self, actions: ActionSet) -> tuple[float, ...]:
        """Return 1 for the baseline (or the first eligible candidate) and 0 for the others."""
        eligible = actions.eligible_indices
        first = actions.baseline_index if actions.baseline_index in eligible else next(iter(eligible), None)
        return tuple(1.0 if index == first else 0.0 for index in range(len(actions.values)))


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """The drawn candidate; `index` and `propensity` are None when no candidate was eligible."""

    index: int | None
    propensity: float | None
    propensities: tuple[float, ...]


def propensities_of(policy: Policy, actions: ActionSet) -> tuple[float, ...]:
    """Return the propensity of each candidate: all 0 where none is eligible, which no policy is asked about."""
    return policy.probabilities(actions) if any(actions.eligible) else (0.0,) * len(actions.values)


def decide(policy: Policy, actions: ActionSet, *, key: str) -> PolicyDecision:
    """Draw one candidate; the same key always draws the same one from the same propensities."""
    propensities = propensities_of(policy, actions)
    if not any(actions.eligible):
        return PolicyDecision(None, None, propensities)
    index = sample_index(propensities, uniform_from_key(key))
    return PolicyDecision(index, propensities[index], propensities)


def sample_index(propensities: Sequence[float], point: float) -> int:
    """Return the index whose part of [0, 1) holds the point; rounding never gives an index of propensity 0."""
    possible = [
        (index, upper_bound) for index, upper_bound in enumerate(accumulate(propensities)) if propensities[index] > 0
    ]
    # Rounding may leave the last bound a little below 1, and the point above it.
    return next((index for index, upper_bound in possible if point < upper_bound), possible[-1][0])


def uniform_from_key(key: str) -> float:
    """Return a key as a number in [0, 1): the first 53 bits of its BLAKE2b digest."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, person=b"oo-decide").digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)
