"""One tip's logged choice of a prompt version, made again from its event alone and compared bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

from oo_contracts.events import GenerateDecision, PromptAssignment, ShadowPropensities
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import BadBeliefs, Beliefs
from oo_experiments.policies.policy import propensities_of
from oo_experiments.policies.policy_registry import policy_from_log

from oo_decisions.decision_facts import logged_beliefs
from oo_decisions.prompt_choice import PromptDecision, decide_prompt_version
from oo_decisions.replay_difference import ReplayDifference, checksum_differences, is_same

__all__ = ["prompt_differences"]


def prompt_differences(decision: GenerateDecision) -> list[ReplayDifference]:
    """Return all differences of one tip's choice of a prompt version; none for a tip whose version was named.

    Raises:
        UnknownPolicy: the event names a policy that this code does not have.
    """
    redrawn = () if decision.draw is None else _assignment(decision, decision.draw)
    return [*redrawn, *checksum_differences(decision)]


def _assignment(decision: GenerateDecision, assignment: PromptAssignment) -> Iterator[ReplayDifference]:
    try:
        beliefs = logged_beliefs(assignment.beliefs)
    except BadBeliefs as error:
        yield ReplayDifference(decision.request_id, None, "beliefs", "beliefs", str(error))
        return
    policy = policy_from_log(assignment.policy.name, assignment.policy.version, beliefs)
    decided = decide_prompt_version(policy, assignment.versions, assignment.default, decision.request_id)
    yield from _choice(decision, assignment, decided)
    for shadow in assignment.shadows:
        yield from _shadow(decision, shadow, decided.actions, beliefs)


def _choice(
    decision: GenerateDecision, assignment: PromptAssignment, decided: PromptDecision
) -> Iterator[ReplayDifference]:
    joint_propensity = decided.joint_propensity(assignment.candidate_propensity)
    pairs = (
        ("propensities of prompt versions", assignment.propensities, decided.decision.propensities),
        ("prompt version", decision.prompt_version, decided.version),
        ("propensity of the prompt version", assignment.propensity, decided.decision.propensity),
        ("joint propensity", assignment.joint_propensity, joint_propensity),
    )
    for what, logged, recomputed in pairs:
        if not is_same(logged, recomputed):
            yield ReplayDifference(decision.request_id, None, what, logged, recomputed)


def _shadow(
    decision: GenerateDecision, shadow: ShadowPropensities, actions: ActionSet, beliefs: Beliefs | None
) -> Iterator[ReplayDifference]:
    name, version = shadow.policy.name, shadow.policy.version
    propensities = propensities_of(policy_from_log(name, version, beliefs), actions)
    if not is_same(shadow.propensities, propensities):
        what = f"propensities by shadow {name} {version}"
        yield ReplayDifference(decision.request_id, None, what, shadow.propensities, propensities)
