"""One logged decision for candidates, recomputed from its event alone and compared bit for bit.

The context gives rows, rows the model's values, values the policy's propensities, and propensities with the request id
the chosen candidate. Each step starts from what the step before it gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from oo_contracts.events import ScoreDecision, ShadowPropensities
from oo_contracts.task_columns import CandidateColumns
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import BadBeliefs, Beliefs
from oo_experiments.policies.policy import decide, propensities_of
from oo_experiments.policies.policy_registry import policy_from_log
from oo_features.feature_context import FeatureContext
from oo_features.feature_set import FeatureSet, Rows
from oo_features.scaling import scale_rows

from oo_decisions.decision_action_set import ranking_action_set
from oo_decisions.decision_facts import logged_beliefs
from oo_decisions.replay_difference import ReplayDifference, checksum_differences, is_same

__all__ = ["ZERO_MODEL", "ReplayModel", "decision_differences"]

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class ReplayModel:
    """A model version as a function from rows, float32 of shape (n, features), to n values.

    `feature_set` is what it was trained on, None when it looks at no features.
    """

    feature_set: str | None
    values: Callable[[NDArray[np.float32]], tuple[float, ...]]


ZERO_MODEL = ReplayModel(None, lambda rows: (0.0,) * len(rows))  # where no model predicted, every value is 0


def decision_differences(
    decision: ScoreDecision, features: FeatureSet, model: ReplayModel | None
) -> list[ReplayDifference]:
    """Return all differences of one decision; `model` is None when its values cannot be recomputed.

    Raises:
        UnknownPolicy: the event names a policy that this code does not have.
    """
    if model is not None and model.feature_set not in {None, decision.feature_set}:
        return [
            ReplayDifference(
                decision.request_id, None, "feature set of the model", decision.feature_set, model.feature_set
            )
        ]
    try:
        rows = features.rows(
            FeatureContext.from_facts(decision.moment), CandidateColumns.from_candidates(decision.candidates)
        )
    except (KeyError, ValueError, TypeError, OverflowError) as error:  # a context that no call can have had
        return [ReplayDifference(decision.request_id, None, "moment", "a decision", f"{type(error).__name__}: {error}")]
    values = tuple(item.value for item in decision.candidates) if model is None else model.values(rows.values)
    decided = _decided(decision, features, rows, values)
    return [
        *_clock(decision),
        *_rows(decision, features, rows),
        *_values(decision, values),
        *decided,
        *checksum_differences(decision),
    ]


def _clock(decision: ScoreDecision) -> Iterator[ReplayDifference]:
    """Yield a difference when the clock was not read once for both: most features do not feel a small change of it."""
    if decision.decided_at != decision.moment.now:
        yield ReplayDifference(
            decision.request_id, None, "clock", decision.decided_at.isoformat(), decision.moment.now.isoformat()
        )


def _rows(decision: ScoreDecision, features: FeatureSet, rows: Rows) -> Iterator[ReplayDifference]:
    for item, row in zip(decision.candidates, rows.values.tolist(), strict=True):
        if len(item.row) != len(row):
            yield ReplayDifference(
                decision.request_id, item.id, "row", f"{len(item.row)} features", f"{len(row)} features"
            )
        elif not is_same(item.row, row):
            yield from _number_differences(decision.request_id, [item.id] * len(row), features.names, item.row, row)
    recomputed = {item.feature: item.reason for item in rows.fallbacks}
    logged = {item.feature: item.reason for item in decision.fallbacks}
    for name in sorted(logged.keys() | recomputed.keys()):
        if logged.get(name) != recomputed.get(name):
            yield ReplayDifference(
                decision.request_id, None, f"fallback of {name}", logged.get(name), recomputed.get(name)
            )


def _values(decision: ScoreDecision, values: Floats) -> Iterator[ReplayDifference]:
    return _each(decision, "value", [item.value for item in decision.candidates], values)


def _decided(decision: ScoreDecision, features: FeatureSet, rows: Rows, values: Floats) -> Iterator[ReplayDifference]:
    """Yield the differences of what the policies decide by these values, each with its beliefs of then."""
    try:
        beliefs = logged_beliefs(decision.beliefs)
    except BadBeliefs as error:
        yield ReplayDifference(decision.request_id, None, "beliefs", "beliefs", str(error))
        return
    actions = ranking_action_set(
        CandidateColumns.from_candidates(decision.candidates),
        values,
        decision.baseline_id,
        with_arms=True,
        contexts=() if beliefs is None else scale_rows(features, rows.values).tolist(),
    )
    yield from _choice(decision, actions, beliefs)
    for shadow in decision.shadows:
        yield from _shadow(decision, shadow, actions, beliefs)


def _choice(decision: ScoreDecision, actions: ActionSet, beliefs: Beliefs | None) -> Iterator[ReplayDifference]:
    decided = decide(
        policy_from_log(decision.policy.name, decision.policy.version, beliefs), actions, key=decision.request_id
    )
    chosen = None if decided.index is None else decision.candidates[decided.index].id
    yield from _each(decision, "propensity", [item.propensity for item in decision.candidates], decided.propensities)
    if chosen != decision.chosen_id:
        yield ReplayDifference(decision.request_id, None, "chosen", decision.chosen_id, chosen)
    if not is_same(decision.propensity, decided.propensity):
        yield ReplayDifference(decision.request_id, None, "propensity", decision.propensity, decided.propensity)


def _shadow(
    decision: ScoreDecision, shadow: ShadowPropensities, actions: ActionSet, beliefs: Beliefs | None
) -> Iterator[ReplayDifference]:
    name, version = shadow.policy.name, shadow.policy.version
    propensities = propensities_of(policy_from_log(name, version, beliefs), actions)
    if len(shadow.propensities) != len(propensities):
        logged = f"{len(shadow.propensities)} propensities"
        yield ReplayDifference(
            decision.request_id, None, f"shadow {name} {version}", logged, f"{len(propensities)} propensities"
        )
    else:
        yield from _each(decision, f"propensity by shadow {name} {version}", shadow.propensities, propensities)


def _each(decision: ScoreDecision, name: str, logged: Floats, recomputed: Floats) -> Iterator[ReplayDifference]:
    """Yield the differences of one number for each candidate."""
    if not is_same(logged, recomputed):
        ids = [item.id for item in decision.candidates]
        yield from _number_differences(decision.request_id, ids, [name] * len(ids), logged, recomputed)


def _number_differences(
    request_id: str, ids: Sequence[str], names: Sequence[str], logged: Floats, recomputed: Floats
) -> Iterator[ReplayDifference]:
    for candidate_id, name, old, new in zip(ids, names, logged, recomputed, strict=True):
        if not is_same(old, new):
            yield ReplayDifference(request_id, candidate_id, name, old, new)
