"""Which prompt version writes a tip when the call leaves that to us: an arm of the experiment about prompts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oo_contracts.events import PromptDraw
from oo_contracts.generate import GenerateRequest
from oo_experiments.choice import Choice
from oo_experiments.enrolment import Assignment, Running, assign
from oo_experiments.policy import Baseline, decide

from oo_transformers.round import assignment_facts, believed, experiment_info, policy_info, shadow_chances

__all__ = ["Drawn", "drawn"]

BASELINE = Baseline()


@dataclass(frozen=True, slots=True)
class Drawn:
    """The version, with which chance it was drawn, and what the event says of it."""

    version: str
    propensity: float
    facts: PromptDraw


def drawn(ask: GenerateRequest, default: str, running: Running, request_id: str, now: datetime) -> Drawn:
    """The deployment's `default` is the baseline: it is all there is where no experiment runs, and in the holdout.

    The key is not the one that drew the candidate: with the same, the two draws would depend on each other.
    """
    arm = assign(running, "prompts", ask.user_id, request_id, now)
    versions = _versions(arm, default)
    baseline = versions.index(default) if default in versions else None
    choice = Choice((0.0,) * len(versions), (True,) * len(versions), baseline, versions)
    policy = arm.acting(BASELINE) if arm else BASELINE
    decision = decide(policy, choice, key=f"{request_id}/prompt")
    if decision.index is None or decision.propensity is None:
        raise AssertionError("every version may be drawn")
    candidate = ask.candidate_propensity
    facts = PromptDraw(
        versions=versions,
        propensities=decision.propensities,
        propensity=decision.propensity,
        default=default,
        policy=policy_info(policy),
        experiment=experiment_info(arm),
        assignment=assignment_facts(arm),
        beliefs=believed(arm),
        shadows=shadow_chances(arm, choice),
        candidate=candidate,
        joint=None if candidate is None else candidate * decision.propensity,
    )
    return Drawn(versions[decision.index], decision.propensity, facts)


def _versions(arm: Assignment | None, default: str) -> tuple[str, ...]:
    """The experiment's; where the default acts it has to be among them."""
    if arm is None or not arm.prompts:
        return (default,)
    return arm.prompts if arm.mode == "active" or default in arm.prompts else (*arm.prompts, default)
