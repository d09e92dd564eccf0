"""A whole decision of `/score`: what it was decided from, and how; its reply and its event are views of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oo_contracts.events import DecidedCandidate, ScoreDecision
from oo_contracts.ids import uuid7
from oo_contracts.score import Fallback
from oo_contracts.valid_models import valid_models

from oo_decisions.decision_facts import (
    assignment_facts,
    beliefs_of,
    experiment_info,
    policy_info,
    shadow_propensities,
)
from oo_decisions.ranking import Ranking, RankingInputs

__all__ = ["RankingDecision"]


@dataclass(frozen=True, slots=True)
class RankingDecision:
    """One decision of `/score`.

    `feature_set` is the reference of the rows' set; `fallbacks` are the rows' and the tasks', for the reply.
    """

    inputs: RankingInputs
    ranking: Ranking
    feature_set: str
    fallbacks: tuple[Fallback, ...] = ()

    def reply(self) -> dict[str, Any]:
        """Return a ScoreReply as plain values: best first, equals in the order in which they came."""
        prediction, ranking = self.inputs.prediction, self.ranking
        assignment = ranking.assignment
        return {
            "request_id": self.inputs.request_id,
            "scores": self._scores(),
            "chosen": self._id(ranking.decision.index),
            "model": {"name": prediction.model.name, "version": prediction.model.version},
            "policy": {"name": ranking.policy.name, "version": ranking.policy.version},
            "experiment": {"key": assignment.key, "variant": assignment.variant} if assignment else None,
            "feature_set": self.feature_set,
            "fallbacks": [item.model_dump(exclude_defaults=True) for item in self.fallbacks],
            "profile_age": "known" if self.inputs.rows.profile_known else "unknown",
            "degraded": prediction.degraded,
        }

    def event(self, event_id: str | None = None) -> ScoreDecision:
        """Return the whole round without checksums; its id is made here if it is not given.

        It is made after the reply is sent, from parts that are valid already.
        """
        inputs, ranking = self.inputs, self.ranking
        return ScoreDecision.model_construct(
            event_id=event_id or uuid7(),
            request_id=inputs.request_id,
            user_id=inputs.user_id,
            decided_at=inputs.context.now,
            moment=inputs.context.facts(),
            feature_set=self.feature_set,
            candidates=self._decided(),
            chosen_id=self._id(ranking.decision.index),
            propensity=ranking.decision.propensity,
            baseline_id=self._id(ranking.actions.baseline_index),
            model=inputs.prediction.model,
            policy=policy_info(ranking.policy),
            experiment=experiment_info(ranking.assignment),
            shadows=shadow_propensities(ranking.assignment, ranking.actions),
            fallbacks=inputs.rows.fallbacks,
            degraded=inputs.prediction.degraded,
            assignment=assignment_facts(ranking.assignment),
            beliefs=beliefs_of(ranking.assignment),
        )

    def _scores(self) -> list[dict[str, Any]]:
        values, propensities = self.inputs.prediction.values, self.ranking.decision.propensities
        order, ids = sorted(range(len(values)), key=values.__getitem__, reverse=True), self.inputs.candidates.ids
        return [
            {"candidate_id": ids[index], "score": values[index], "propensity": propensities[index], "rank": rank}
            for rank, index in enumerate(order, start=1)
        ]

    def _decided(self) -> tuple[DecidedCandidate, ...]:
        inputs, columns = self.inputs, self.inputs.candidates
        return valid_models(
            DecidedCandidate,
            columns.ids,
            columns.kinds,
            columns.task_ids,
            columns.prompt_versions,
            columns.eligible,
            list(map(tuple, inputs.rows.values.tolist())),
            inputs.prediction.values,
            self.ranking.decision.propensities,
        )

    def _id(self, index: int | None) -> str | None:
        return None if index is None else self.inputs.candidates.ids[index]
