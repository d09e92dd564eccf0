"""Who is in which arm of what runs: the holdout first, then the first experiment that covers the user (or request)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Literal

from oo_experiments.assignment import bucket_ranges, choose, hash_value, in_namespace
from oo_experiments.beliefs import Beliefs
from oo_experiments.experiment import HOLDOUT, About, Experiment, Holdout, PolicySpec, Variant
from oo_experiments.policy import Baseline, Policy

__all__ = ["Assignment", "Running", "assign"]

BASELINE = Baseline()
UNTAUGHT = Beliefs()
HELD_OUT = "baseline"  # the holdout's only variant


@dataclass(frozen=True)
class Running:
    """What a decision goes by, besides its call: swapped as a whole when any of it changes."""

    experiments: tuple[Experiment, ...] = ()
    holdout: Holdout | None = None
    beliefs: Mapping[str, Beliefs] = field(default_factory=dict)

    @cached_property
    def by_subject(self) -> Mapping[About, tuple[Experiment, ...]]:
        return {
            "candidates": tuple(item for item in self.experiments if item.about == "candidates"),
            "prompts": tuple(item for item in self.experiments if item.about == "prompts"),
        }

    def overlaid(self, found: Mapping[str, Experiment | Holdout], beliefs: Mapping[str, Beliefs]) -> Running:
        """With definitions that take the place of ours of the same key, and these beliefs."""
        experiments = {item.key: item for item in self.experiments}
        experiments |= {key: item for key, item in found.items() if isinstance(item, Experiment)}
        holdout = found.get(HOLDOUT, self.holdout)
        ordered = tuple(experiments[key] for key in sorted(experiments))
        return replace(
            self, experiments=ordered, holdout=holdout if isinstance(holdout, Holdout) else None, beliefs=beliefs
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """The arm a unit is in, and the experiment as it stands. `beliefs` is None where no policy has any."""

    key: str
    variant: str
    mode: Literal["active", "shadow", "apprentice", "holdout"]
    unit: Literal["user", "request"]
    coverage: float
    weights: Mapping[str, float]
    prompts: tuple[str, ...] = ()
    policy: PolicySpec | None = None
    watched: tuple[PolicySpec, ...] = ()
    beliefs: Beliefs | None = None

    @property
    def needs_contexts(self) -> bool:
        return any(item.needs_contexts for item in (self.policy, *self.watched) if item is not None)

    def acting(self, default: Policy) -> Policy:
        """The policy that draws."""
        if self.mode == "active" and self.policy is not None:
            return self.policy.build(self.beliefs or UNTAUGHT)
        return default if self.mode == "shadow" else BASELINE

    def shadows(self) -> tuple[Policy, ...]:
        """The policies whose chances are only logged."""
        return tuple(item.build(self.beliefs or UNTAUGHT) for item in self.watched)


def assign(running: Running, about: About, user_id: str, request_id: str, now: datetime) -> Assignment | None:
    """The arm of this call; None when nothing that runs covers it."""
    if running.holdout is not None and _held_out(running.holdout, user_id):
        share = running.holdout.share
        return Assignment(HOLDOUT, HELD_OUT, "holdout", "user", share, {HELD_OUT: 1.0})
    for experiment in running.by_subject[about]:
        variant = _variant(experiment, user_id if experiment.unit == "user" else request_id, now)
        if variant is not None:
            return _assignment(experiment, variant, running.beliefs.get(experiment.key, UNTAUGHT))
    return None


def _held_out(of: Holdout, user_id: str) -> bool:
    n = hash_value(of.seed, user_id, 2)
    return n is not None and n < of.share


def _variant(of: Experiment, unit: str, now: datetime) -> Variant | None:
    if not of.runs(now) or (of.namespace is not None and not in_namespace(unit, of.namespace)):
        return None
    n = hash_value(of.key, unit, of.hash_version)
    ranges = bucket_ranges(len(of.variants), of.coverage, [item.weight for item in of.variants])
    place = -1 if n is None else choose(n, ranges)
    return None if place < 0 else of.variants[place]


def _assignment(of: Experiment, variant: Variant, beliefs: Beliefs) -> Assignment:
    waiting = () if variant.mode == "active" else (variant.policy,)
    return Assignment(
        key=of.key,
        variant=variant.name,
        mode=variant.mode,
        unit=of.unit,
        coverage=of.coverage,
        weights=of.weights,
        prompts=of.prompts,
        policy=variant.policy,
        watched=(*waiting, *of.shadows),
        beliefs=beliefs if of.needs_beliefs else None,
    )
