"""What a decision has to teach, to whom, once its reward is known."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_contracts.rewards import RewardTable
from oo_contracts.rounds import State, state_of
from oo_contracts.score import arm_of
from oo_experiments.beliefs import Contribution
from oo_experiments.experiment import HOLDOUT
from oo_features.scaling import scaled
from oo_features.sets import FEATURE_SETS

from oo_consumers.store import Reacted

__all__ = ["Lesson", "lessons", "outcome_of"]

SETS = {item.ref: item for item in FEATURE_SETS.values()}


@dataclass(frozen=True, slots=True)
class Lesson:
    """To the beliefs of `experiment`: what was chosen, by arm and context. `candidate_id` None: any reaction counts."""

    experiment: str
    candidate_id: str | None
    arm: str
    context: array[float] | None  # a third of a tuple's memory: the fold keeps one for each round

    def worth(self, reward: float, *, linear: bool) -> Contribution:
        return Contribution(self.arm, reward, self.context if linear else None)


def lessons(of: ScoreDecision | GenerateDecision) -> Iterator[Lesson]:
    """None for a round of no experiment or of the holdout; of a row of other features only the arm is known."""
    if isinstance(of, ScoreDecision):
        if of.experiment is not None and of.experiment.key != HOLDOUT and of.chosen is not None:
            chosen = next(item for item in of.candidates if item.id == of.chosen)
            features = SETS.get(of.feature_set)
            context = None if features is None else array("d", scaled(features, chosen.row))
            yield Lesson(of.experiment.key, of.chosen, arm_of(chosen.kind, chosen.prompt_version), context)
    elif of.draw is not None and of.draw.experiment is not None and of.draw.experiment.key != HOLDOUT:
        yield Lesson(of.draw.experiment.key, of.candidate_id, of.prompt_version, None)


def outcome_of(
    of: Lesson, reactions: Sequence[Reacted], now: datetime, table: RewardTable
) -> tuple[State, float | None]:
    """Where the round is in its life, and a closed one's reward."""
    ours = tuple(item.observed for item in reactions if of.candidate_id in {None, item.candidate_id})
    state = state_of(ours, now, table)
    return state, table.reward(item.reaction for item in ours) if state is State.CLOSED else None
