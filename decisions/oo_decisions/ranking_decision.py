"""A whole decision of `/score`: what it was decided from, and how; its reply and its event are views of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from oo_contracts.decision_columns import DecidedNumbers, document_of, encode_columns
from oo_contracts.document_checksums import document_checksums
from oo_contracts.encoded_event import EncodedEvent
from oo_contracts.events import ContextFacts, DecidedCandidate, ScoreDecision
from oo_contracts.ids import uuid7
from oo_contracts.score import Fallback
from oo_contracts.task_columns import TaskColumns
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
        """Return the whole round without checksums; its id is made here if it is not given."""
        return self._event(event_id or uuid7(), self.inputs.context.facts(), self._decided())

    def encoded_event(self, event_id: str | None = None) -> EncodedEvent:
        """Return the whole round as it is published, in columns and with its checksums.

        It is made after the reply is sent, from columns, without an object for each task and candidate; its id is made
        here if it is not given.
        """
        inputs = self.inputs
        context = replace(inputs.context, tasks=TaskColumns()).facts()
        event = self._event(event_id or uuid7(), context, ()).in_columns()
        features = inputs.rows.values.T.tolist() if inputs.candidates.ids else []
        numbers = DecidedNumbers(features, inputs.prediction.values, self.ranking.decision.propensities)
        columns = document_of(event, inputs.context.tasks, inputs.candidates, numbers)
        return EncodedEvent(event.event_id, encode_columns(columns, document_checksums(columns)))

    def _event(self, event_id: str, context: ContextFacts, candidates: tuple[DecidedCandidate, ...]) -> ScoreDecision:
        """Return the round of parts that are valid already."""
        inputs, ranking = self.inputs, self.ranking
        return ScoreDecision.model_construct(
            event_id=event_id,
            request_id=inputs.request_id,
            user_id=inputs.user_id,
            decided_at=inputs.context.now,
            moment=context,
            feature_set=self.feature_set,
            candidates=candidates,
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
