"""Action sets of decisions: what a policy may read, made alike of a call and of the event that it left."""

from __future__ import annotations

from collections.abc import Sequence

from oo_contracts.events import ScoreDecision
from oo_contracts.score import arm_of
from oo_contracts.task_columns import CandidateColumns
from oo_experiments.policies.action_set import ActionSet

__all__ = ["logged_action_set", "prompt_action_set", "ranking_action_set"]


def ranking_action_set(
    candidates: CandidateColumns,
    values: Sequence[float],
    baseline_id: str | None,
    *,
    with_arms: bool = False,
    contexts: Sequence[Sequence[float]] = (),
) -> ActionSet:
    """Return the action set of candidates with one value each.

    `baseline_id` is what would have been shown without us; None means the first eligible candidate. Arms, and
    `contexts` (scaled rows), are needed only where a policy has beliefs.
    """
    return ActionSet(
        values,
        candidates.eligible,
        _baseline_index(candidates, baseline_id),
        list(map(arm_of, candidates.kinds, candidates.prompt_versions)) if with_arms else (),
        contexts,
    )


def logged_action_set(decision: ScoreDecision) -> ActionSet:
    """Return the action set of a logged decision by its logged values, for policies without beliefs."""
    columns = CandidateColumns.from_candidates(decision.candidates)
    return ranking_action_set(columns, [item.value for item in decision.candidates], decision.baseline_id)


def prompt_action_set(versions: Sequence[str], default: str) -> ActionSet:
    """Return the action set of prompt versions: all eligible, without values; `default` is the baseline if it is there.

    A version is its own arm.
    """
    baseline_index = versions.index(default) if default in versions else None
    return ActionSet((0.0,) * len(versions), (True,) * len(versions), baseline_index, versions)


def _baseline_index(candidates: CandidateColumns, baseline_id: str | None) -> int | None:
    if baseline_id is None:
        return next((index for index, is_eligible in enumerate(candidates.eligible) if is_eligible), None)
    return candidates.ids.index(baseline_id) if baseline_id in candidates.ids else None
