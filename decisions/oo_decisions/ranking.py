"""How a ranking is decided, once the model's values are known: the experiment's arm, its policy, and one draw."""

from __future__ import annotations

from dataclasses import dataclass, replace

from oo_contracts.score import Degraded, ModelInfo
from oo_contracts.task_columns import CandidateColumns
from oo_experiments.assignment.assignment import ActiveExperiments, Assignment, assign
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import Beliefs
from oo_experiments.policies.policy import Baseline, Policy, PolicyDecision, decide
from oo_features.feature_context import FeatureContext
from oo_features.feature_set import FeatureSet, Rows
from oo_features.scaling import scale_rows

from oo_decisions.decision_action_set import ranking_action_set

__all__ = ["ModelPrediction", "Ranking", "RankingInputs", "rank"]

BASELINE = Baseline()


@dataclass(frozen=True, slots=True)
class ModelPrediction:
    """The model's values of the rows, or the reason why there are none."""

    values: tuple[float, ...]
    model: ModelInfo
    degraded: Degraded | None


@dataclass(frozen=True, slots=True)
class RankingInputs:
    """What a ranking is decided from; `baseline_id` is what the caller would have shown, None the first eligible."""

    request_id: str
    user_id: str
    baseline_id: str | None
    context: FeatureContext
    candidates: CandidateColumns
    rows: Rows
    prediction: ModelPrediction


@dataclass(frozen=True, slots=True)
class Ranking:
    """How it was decided; `assignment` is None for whoever is in no experiment.

    `beliefs_dropped` says that the experiment's beliefs are about rows of another length and were not used.
    """

    policy: Policy
    assignment: Assignment | None
    actions: ActionSet
    decision: PolicyDecision
    beliefs_dropped: bool = False


def rank(inputs: RankingInputs, features: FeatureSet, active: ActiveExperiments, default: Policy) -> Ranking:
    """Decide a ranking; `default` acts for whoever is in no experiment.

    A degraded round is in no experiment, because nothing could be learned from it, and the baseline acts.
    """
    if inputs.prediction.degraded:
        return _draw(inputs, BASELINE, None, _action_set(inputs, features, None))
    assignment = assign(active, "candidates", inputs.user_id, inputs.request_id, inputs.context.now)
    fits = assignment is None or _beliefs_fit(assignment, features)
    if assignment is not None and not fits:
        assignment = replace(assignment, beliefs=Beliefs())
    policy = assignment.acting_policy(default) if assignment else default
    return replace(
        _draw(inputs, policy, assignment, _action_set(inputs, features, assignment)), beliefs_dropped=not fits
    )


def _draw(inputs: RankingInputs, policy: Policy, assignment: Assignment | None, actions: ActionSet) -> Ranking:
    return Ranking(policy, assignment, actions, decide(policy, actions, key=inputs.request_id))


def _beliefs_fit(assignment: Assignment, features: FeatureSet) -> bool:
    """Return whether the beliefs are about rows of our length; others exist while a new version rolls out."""
    linear = assignment.beliefs.linear if assignment.beliefs else None
    return linear is None or linear.d == len(features.names) + 1


def _action_set(inputs: RankingInputs, features: FeatureSet, assignment: Assignment | None) -> ActionSet:
    """Return what policies may read; arms and scaled rows only where some policy uses them."""
    needs_contexts = assignment is not None and assignment.needs_contexts
    return ranking_action_set(
        inputs.candidates,
        inputs.prediction.values,
        inputs.baseline_id,
        with_arms=assignment is not None and assignment.beliefs is not None,
        contexts=scale_rows(features, inputs.rows.values).tolist() if needs_contexts else (),
    )
