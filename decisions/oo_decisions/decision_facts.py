"""What an event says of the circumstances of a decision: its policy, its experiment, its beliefs and its shadows."""

from __future__ import annotations

from typing import Any

from oo_contracts.events import AssignmentFacts, ShadowPropensities
from oo_contracts.score import ExperimentInfo, PolicyInfo
from oo_experiments.assignment.assignment import Assignment
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import Beliefs
from oo_experiments.policies.policy import Policy, propensities_of

__all__ = [
    "assignment_facts",
    "beliefs_of",
    "experiment_info",
    "logged_beliefs",
    "policy_info",
    "shadow_propensities",
]


def policy_info(policy: Policy) -> PolicyInfo:
    """Return a policy's name and version, for the event."""
    return PolicyInfo(name=policy.name, version=policy.version)


def experiment_info(assignment: Assignment | None) -> ExperimentInfo | None:
    """Return the experiment's key and variant for the event, or None for whoever is in no experiment."""
    return None if assignment is None else ExperimentInfo(key=assignment.key, variant=assignment.variant)


def assignment_facts(assignment: Assignment | None) -> AssignmentFacts | None:
    """Return the experiment as it was defined at the decision, for the event.

    It is None for whoever is in no experiment.
    """
    if assignment is None:
        return None
    return AssignmentFacts(
        mode=assignment.mode, unit=assignment.unit, coverage=assignment.coverage, weights=dict(assignment.weights)
    )


def beliefs_of(assignment: Assignment | None) -> dict[str, Any] | None:
    """Return the beliefs that the experiment's policies used as plain values, or None where none of them has any."""
    return None if assignment is None or assignment.beliefs is None else assignment.beliefs.to_plain()


def logged_beliefs(plain: dict[str, Any] | None) -> Beliefs | None:
    """Return the beliefs of an event that `beliefs_of` gave it.

    Raises:
        BadBeliefs: what the event has are none.
    """
    return None if plain is None else Beliefs.from_plain(plain)


def shadow_propensities(assignment: Assignment | None, actions: ActionSet) -> tuple[ShadowPropensities, ...]:
    """Return the propensities of each policy that only watches.

    They are 0 for every candidate where nothing could be chosen.
    """
    return tuple(
        ShadowPropensities(policy=policy_info(policy), propensities=propensities_of(policy, actions))
        for policy in (assignment.shadow_policies() if assignment else ())
    )
