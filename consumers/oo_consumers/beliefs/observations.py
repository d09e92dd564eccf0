"""Observations: what a decision can teach to which experiment, once its reward is known."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_contracts.score import arm_of
from oo_experiments.assignment.experiment import HOLDOUT
from oo_experiments.policies.beliefs import Contribution
from oo_features.feature_sets import FEATURE_SETS
from oo_features.scaling import scale_row

__all__ = ["Observation", "observations_of"]

SETS_BY_REF = {item.ref: item for item in FEATURE_SETS.values()}


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation for the beliefs of `experiment`: the chosen arm and its context.

    `candidate_id` is None where a reaction to any candidate of the request counts. `context` is a scaled row of
    features, of the feature set's length, or None where the features are not known.
    """

    experiment: str
    candidate_id: str | None
    arm: str
    context: array[float] | None  # a third of a tuple's memory: the fold keeps one for each round

    def contribution(self, reward: float, *, linear: bool) -> Contribution:
        """Return what the round adds to the beliefs: its arm, its reward and, for linear beliefs, its context."""
        return Contribution(self.arm, reward, self.context if linear else None)


def observations_of(decision: ScoreDecision | GenerateDecision) -> Iterator[Observation]:
    """Yield the observations of a decision; none for a round without an experiment or of the holdout.

    Where the row belongs to a feature set that this program does not know, only the arm is observed.
    """
    if isinstance(decision, ScoreDecision):
        if decision.experiment is not None and decision.experiment.key != HOLDOUT and decision.chosen_id is not None:
            chosen = next(item for item in decision.candidates if item.id == decision.chosen_id)
            features = SETS_BY_REF.get(decision.feature_set)
            fits = features is not None and len(features.features) == len(chosen.row)
            context = array("d", scale_row(features, chosen.row)) if features is not None and fits else None
            yield Observation(
                decision.experiment.key, decision.chosen_id, arm_of(chosen.kind, chosen.prompt_version), context
            )
    elif decision.draw is not None and decision.draw.experiment is not None and decision.draw.experiment.key != HOLDOUT:
        yield Observation(decision.draw.experiment.key, decision.candidate_id, decision.prompt_version, None)
