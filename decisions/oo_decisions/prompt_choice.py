"""Which prompt version writes a tip: the one that the call names, else the deployment's default, else v1.

A call that says `auto` leaves it to the prompt experiment, whose policy draws one of the versions, each an arm of its
own. The draw is a function of what its event says, so replay makes it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oo_contracts.events import PromptAssignment
from oo_contracts.generate import GenerateRequest
from oo_contracts.score import AUTO
from oo_experiments.assignment.assignment import ActiveExperiments, Assignment, assign
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.policy import Baseline, Policy, PolicyDecision, decide

from oo_decisions.decision_action_set import prompt_action_set
from oo_decisions.decision_facts import (
    assignment_facts,
    beliefs_of,
    experiment_info,
    policy_info,
    shadow_propensities,
)

__all__ = [
    "PromptChoice",
    "PromptDecision",
    "choose_prompt_version",
    "decide_prompt_version",
    "default_prompt_version",
]

BASELINE = Baseline()
FIRST_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class PromptChoice:
    """The version that writes a tip; `assignment` says how it was drawn, and is None where it was named."""

    version: str
    assignment: PromptAssignment | None = None

    @property
    def propensity(self) -> float | None:
        """The propensity with which the version was drawn; a named one has none, so nothing is learned from it."""
        return None if self.assignment is None else self.assignment.propensity


@dataclass(frozen=True, slots=True)
class PromptDecision:
    """What a policy decided among prompt versions: its actions, their propensities, and one draw."""

    actions: ActionSet
    decision: PolicyDecision

    @property
    def version(self) -> str | None:
        """The version that was drawn; None where there was none to draw."""
        return None if self.decision.index is None else self.actions.arms[self.decision.index]

    def joint_propensity(self, candidate_propensity: float | None) -> float | None:
        """Return the propensity of the candidate together with this version, None where one of them is not known."""
        if candidate_propensity is None or self.decision.propensity is None:
            return None
        return candidate_propensity * self.decision.propensity


def default_prompt_version(deployment: str | None) -> str:
    """Return the version for a call that names none: the deployment's, else v1."""
    return deployment or FIRST_VERSION


def choose_prompt_version(
    request: GenerateRequest, deployment: str | None, active: ActiveExperiments, request_id: str, now: datetime
) -> PromptChoice:
    """Choose the prompt version of a call; `deployment` is the version that the deployment names, if it names one.

    Whether the version exists is for whoever has the prompts to say.
    """
    default = default_prompt_version(deployment)
    if request.prompt_version != AUTO:
        return PromptChoice(request.prompt_version or default)
    assignment = assign(active, "prompts", request.user_id, request_id, now)
    policy = assignment.acting_policy(BASELINE) if assignment else BASELINE
    decided = decide_prompt_version(policy, _versions(assignment, default), default, request_id)
    return _choice(decided, policy, assignment, default, request.candidate_propensity)


def decide_prompt_version(policy: Policy, versions: tuple[str, ...], default: str, request_id: str) -> PromptDecision:
    """Draw one of the versions; `default` is the baseline.

    The key is not the one that drew the candidate: with the same key, the two draws would depend on each other.
    """
    actions = prompt_action_set(versions, default)
    return PromptDecision(actions, decide(policy, actions, key=f"{request_id}/prompt"))


def _versions(assignment: Assignment | None, default: str) -> tuple[str, ...]:
    """Return the experiment's versions; the default is added where it may act.

    It is the only version where no experiment runs, and in the holdout.
    """
    if assignment is None or not assignment.prompts:
        return (default,)
    return (
        assignment.prompts
        if assignment.mode == "active" or default in assignment.prompts
        else (*assignment.prompts, default)
    )


def _choice(
    decided: PromptDecision,
    policy: Policy,
    assignment: Assignment | None,
    default: str,
    candidate_propensity: float | None,
) -> PromptChoice:
    version, propensity = decided.version, decided.decision.propensity
    if version is None or propensity is None:
        raise AssertionError("every version may be drawn")
    facts = PromptAssignment(
        versions=tuple(decided.actions.arms),
        propensities=decided.decision.propensities,
        propensity=propensity,
        default=default,
        policy=policy_info(policy),
        experiment=experiment_info(assignment),
        assignment=assignment_facts(assignment),
        beliefs=beliefs_of(assignment),
        shadows=shadow_propensities(assignment, decided.actions),
        candidate_propensity=candidate_propensity,
        joint_propensity=decided.joint_propensity(candidate_propensity),
    )
    return PromptChoice(version, facts)
