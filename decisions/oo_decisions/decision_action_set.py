"""Action sets of decisions: what a policy may read, made alike of a call and of the event that it left."""

from __future__ import annotations

from collections.abc import Sequence

from oo_contracts.events import DecidedCandidate, ScoreDecision
from oo_contracts.score import Candidate, arm_of
from oo_experiments.policies.action_set import ActionSet
from oo_features.feature_set import FeatureSet
from oo_features.scaling import scale_row

__all__ = ["logged_action_set", "prompt_action_set", "ranking_action_set", "scaled_rows"]

Row = Sequence[float]
Candidates = Sequence[Candidate | DecidedCandidate]


def ranking_action_set(
    candidates: Candidates,
    values: Sequence[float],
    baseline_id: str | None,
    *,
    with_arms: bool = False,
    contexts: Sequence[Row] = (),
) -> ActionSet:
    """Return the action set of candidates with one value each.

    `baseline_id` is what would have been shown without us; None means the first eligible candidate. Arms, and
    `contexts` (scaled rows), are needed only where a policy has beliefs.
    """
    return ActionSet(
        values,
        [item.eligible for item in candidates],
        _baseline_index(candidates, baseline_id),
        [arm_of(item.kind, item.prompt_version) for item in candidates] if with_arms else (),
        contexts,
    )


def logged_action_set(decision: ScoreDecision) -> ActionSet:
    """Return the action set of a logged decision by its logged values, for policies without beliefs."""
    return ranking_action_set(decision.candidates, [item.value for item in decision.candidates], decision.baseline_id)


def prompt_action_set(versions: Sequence[str], default: str) -> ActionSet:
    """Return the action set of prompt versions: all eligible, without values; `default` is the baseline if it is there.

    A version is its own arm.
    """
    baseline_index = versions.index(default) if default in versions else None
    return ActionSet((0.0,) * len(versions), (True,) * len(versions), baseline_index, versions)


def scaled_rows(features: FeatureSet, rows: Sequence[Row]) -> list[tuple[float, ...]]:
    """Return the contexts of linear policies: each row scaled as its features declare."""
    return [scale_row(features, row) for row in rows]


def _baseline_index(candidates: Candidates, baseline_id: str | None) -> int | None:
    matching = (
        index
        for index, item in enumerate(candidates)
        if item.id == baseline_id or (baseline_id is None and item.eligible)
    )
    return next(matching, None)
