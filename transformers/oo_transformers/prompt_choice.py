"""This module chooses the prompt version of a tip when the call leaves that to us: an arm of the prompt experiment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oo_contracts.events import PromptAssignment
from oo_contracts.generate import GenerateRequest
from oo_decisions.decision_action_set import prompt_action_set
from oo_decisions.decision_facts import (
    assignment_facts,
    beliefs_of,
    experiment_info,
    policy_info,
    shadow_propensities,
)
from oo_experiments.assignment.assignment import ActiveExperiments, Assignment, assign
from oo_experiments.policies.policy import Baseline, decide

__all__ = ["PromptChoice", "choose_prompt_version"]

BASELINE = Baseline()


@dataclass(frozen=True, slots=True)
class PromptChoice:
    """The version, the propensity with which it was drawn, and what the event says about the draw."""

    version: str
    propensity: float
    assignment: PromptAssignment


def choose_prompt_version(
    request: GenerateRequest, default: str, active: ActiveExperiments, request_id: str, now: datetime
) -> PromptChoice:
    """Draw the prompt version that writes a tip.

    The deployment's `default` is the baseline: it is the only version where no experiment runs, and in the holdout. The
    key is not the one that drew the candidate: with the same key, the two draws would depend on each other.
    """
    assignment = assign(active, "prompts", request.user_id, request_id, now)
    versions = _versions(assignment, default)
    actions = prompt_action_set(versions, default)
    policy = assignment.acting_policy(BASELINE) if assignment else BASELINE
    decision = decide(policy, actions, key=f"{request_id}/prompt")
    if decision.index is None or decision.propensity is None:
        raise AssertionError("every version may be drawn")
    candidate_propensity = request.candidate_propensity
    facts = PromptAssignment(
        versions=versions,
        propensities=decision.propensities,
        propensity=decision.propensity,
        default=default,
        policy=policy_info(policy),
        experiment=experiment_info(assignment),
        assignment=assignment_facts(assignment),
        beliefs=beliefs_of(assignment),
        shadows=shadow_propensities(assignment, actions),
        candidate_propensity=candidate_propensity,
        joint_propensity=None if candidate_propensity is None else candidate_propensity * decision.propensity,
    )
    return PromptChoice(versions[decision.index], decision.propensity, facts)


def _versions(assignment: Assignment | None, default: str) -> tuple[str, ...]:
    """Return the experiment's versions; the default is added where it may act."""
    if assignment is None or not assignment.prompts:
        return (default,)
    return (
        assignment.prompts
        if assignment.mode == "active" or default in assignment.prompts
        else (*assignment.prompts, default)
    )
