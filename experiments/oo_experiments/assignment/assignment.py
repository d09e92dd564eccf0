"""This module assigns a call to an arm: the holdout first, then the first experiment that covers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

from oo_experiments.assignment.experiment import HOLDOUT, DecisionKind, Experiment, Holdout, PolicySpec, Variant
from oo_experiments.assignment.growthbook import bucket_ranges, choose_variation, hash_value, in_namespace
from oo_experiments.policies.beliefs import Beliefs
from oo_experiments.policies.policy import Baseline, Policy

__all__ = ["ActiveExperiments", "Assignment", "assign"]

BASELINE = Baseline()
EMPTY_BELIEFS = Beliefs()
HOLDOUT_VARIANT = "baseline"  # the holdout's only variant


@dataclass(frozen=True)
class ActiveExperiments:
    """All that runs at one moment: experiments, holdout and beliefs, replaced as a whole when any of it changes."""

    experiments: tuple[Experiment, ...] = ()
    holdout: Holdout | None = None
    beliefs: Mapping[str, Beliefs] = field(default_factory=dict)

    @cached_property
    def by_decision(self) -> Mapping[DecisionKind, tuple[Experiment, ...]]:
        """The experiments by what they decide, each in the order in which they are asked."""
        return {
            "candidates": tuple(item for item in self.experiments if item.about == "candidates"),
            "prompts": tuple(item for item in self.experiments if item.about == "prompts"),
        }


@dataclass(frozen=True, slots=True)
class Assignment:
    """The arm of a call, and the experiment as it is defined now. `beliefs` is None where no policy uses any."""

    key: str
    variant: str
    mode: Literal["active", "shadow", "apprentice", "holdout"]
    unit: Literal["user", "request"]
    coverage: float
    weights: Mapping[str, float]
    prompts: tuple[str, ...] = ()
    policy: PolicySpec | None = None
    shadow_specs: tuple[PolicySpec, ...] = ()
    beliefs: Beliefs | None = None

    @property
    def needs_contexts(self) -> bool:
        """Whether a policy of this arm, acting or not, reads the candidates' contexts."""
        return any(item.needs_contexts for item in (self.policy, *self.shadow_specs) if item is not None)

    def acting_policy(self, default: Policy) -> Policy:
        """Return the policy that draws; in the mode `shadow` that is `default`."""
        if self.mode == "active" and self.policy is not None:
            return self.policy.build(self.beliefs or EMPTY_BELIEFS)
        return default if self.mode == "shadow" else BASELINE

    def shadow_policies(self) -> tuple[Policy, ...]:
        """Return the policies whose propensities are only logged."""
        return tuple(item.build(self.beliefs or EMPTY_BELIEFS) for item in self.shadow_specs)


def assign(
    active: ActiveExperiments, decision: DecisionKind, user_id: str, request_id: str, now: datetime
) -> Assignment | None:
    """Return the arm of this call, or None when nothing that runs covers it."""
    if active.holdout is not None and _is_held_out(active.holdout, user_id):
        share = active.holdout.share
        return Assignment(HOLDOUT, HOLDOUT_VARIANT, "holdout", "user", share, {HOLDOUT_VARIANT: 1.0})
    for experiment in active.by_decision[decision]:
        variant = _variant(experiment, user_id if experiment.unit == "user" else request_id, now)
        if variant is not None:
            return _assignment(experiment, variant, active.beliefs.get(experiment.key, EMPTY_BELIEFS))
    return None


def _is_held_out(holdout: Holdout, user_id: str) -> bool:
    n = hash_value(holdout.seed, user_id, 2)
    return n is not None and n < holdout.share


def _variant(experiment: Experiment, unit: str, now: datetime) -> Variant | None:
    if not experiment.runs(now) or (experiment.namespace is not None and not in_namespace(unit, experiment.namespace)):
        return None
    n = hash_value(experiment.key, unit, experiment.hash_version)
    ranges = bucket_ranges(len(experiment.variants), experiment.coverage, [item.weight for item in experiment.variants])
    index = -1 if n is None else choose_variation(n, ranges)
    return None if index < 0 else experiment.variants[index]


def _assignment(experiment: Experiment, variant: Variant, beliefs: Beliefs) -> Assignment:
    not_acting = () if variant.mode == "active" else (variant.policy,)
    return Assignment(
        key=experiment.key,
        variant=variant.name,
        mode=variant.mode,
        unit=experiment.unit,
        coverage=experiment.coverage,
        weights=experiment.weights,
        prompts=experiment.prompts,
        policy=variant.policy,
        shadow_specs=(*not_acting, *experiment.shadows),
        beliefs=beliefs if experiment.needs_beliefs else None,
    )
