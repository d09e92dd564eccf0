"""This module is the life of one `/score` call, from top to bottom: features, one prediction, a decision, its event."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from oo_contracts.ids import uuid7
from oo_contracts.profile_values import bounded_value
from oo_contracts.score import NO_MODEL, Degraded
from oo_contracts.score_call import ScoreCall
from oo_contracts.subjects import decision_subject
from oo_decisions.ranking import ModelPrediction, RankingInputs, rank
from oo_decisions.ranking_decision import RankingDecision
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.policy import Policy
from oo_features.feature_context import FeatureContext
from oo_features.feature_set import FeatureSet, Rows
from oo_features.profile_age import trusted_instants
from oo_serving.outbox import EventSink
from oo_serving.pace import Pace

from oo_transformers import metrics
from oo_transformers.degradation import CircuitOpen, PredictorUnavailable
from oo_transformers.predictor_messages import Predictions

__all__ = ["PredictorClient", "ScoreResult", "Scorer"]

log = logging.getLogger(__name__)


class PredictorClient(Protocol):
    """A client of the predictor."""

    async def predict(
        self, rows: NDArray[np.float32], feature_set: str, request_id: str, headers: Mapping[bytes, bytes]
    ) -> Predictions:
        """Return one value for each row of a matrix, shape (n, d).

        Raises:
            PredictorUnavailable: there are no usable values in time.
        """


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The reply, where its time went (s), and a function that publishes the event once the reply is sent.

    `publish` takes the sender whose share of the outbox the event takes, and the call's pace.
    """

    reply: dict[str, Any]
    timing: dict[str, float]
    publish: Callable[[str, Pace], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scorer:
    """The service that answers `/score`.

    `policy` acts for whoever is in no experiment; `active_experiments` returns what runs at the present moment.
    """

    features: FeatureSet
    predictor: PredictorClient
    policy: Policy
    active_experiments: Callable[[], ActiveExperiments]
    outbox: EventSink
    clock: Callable[[], datetime]

    async def __call__(
        self, call: ScoreCall, headers: Mapping[bytes, bytes], pace: Pace, *, is_overloaded: bool = False
    ) -> ScoreResult:
        """Answer one call.

        A predictor that fails, or that is not asked because of an overload, degrades the answer to the recommender's
        own baseline.
        """
        start = perf_counter()
        request_id = call.request_id or uuid7()
        now, profile = self.clock(), self._known_profile(call.profile_features)
        instants, unknown_ages = trusted_instants(call.profile_computed_at, profile or (), now)
        context = FeatureContext.at(now, call.timezone, call.tasks, profile, instants)
        await pace.step()
        rows = self.features.rows(context, call.candidates)
        await pace.step()
        featured = perf_counter()
        if is_overloaded:
            prediction = _without_model(rows, "overload")
        else:
            prediction = await self._predict(rows, request_id, headers)
        predicted = perf_counter()
        pace.resume()  # waiting for the predictor took nothing of the loop's time
        inputs = RankingInputs(request_id, call.user_id, call.baseline_id, context, call.candidates, rows, prediction)
        ranking = rank(inputs, self.features, self.active_experiments(), self.policy)
        if ranking.beliefs_dropped:
            metrics.UNUSABLE.labels("beliefs").inc()
        fallbacks = (*rows.fallbacks, *unknown_ages, *call.task_fallbacks)
        decision = RankingDecision(inputs, ranking, self.features.ref, fallbacks)
        decided = perf_counter()
        timing = {"features": featured - start, "predictor": predicted - featured, "policy": decided - predicted}
        return ScoreResult(decision.reply(), timing, partial(self._publish, decision))

    def _known_profile(self, profile: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return only the features that the mirror declares: nothing else that a caller ships is read or logged."""
        return (
            None
            if profile is None
            else {
                feature.name: bounded_value(profile[feature.name])
                for feature in self.features.profile
                if feature.name in profile
            }
        )

    async def _predict(self, rows: Rows, request_id: str, headers: Mapping[bytes, bytes]) -> ModelPrediction:
        if not len(rows.values):
            return ModelPrediction((), NO_MODEL, None)
        try:
            predictions = await self.predictor.predict(rows.values, self.features.ref, request_id, headers)
        except PredictorUnavailable as error:
            if not isinstance(error, CircuitOpen):  # its change was logged, once
                log.warning("degraded: %s: %s", error.reason, error)
            return _without_model(rows, error.reason)
        return ModelPrediction(predictions.values, predictions.model, None)

    async def _publish(self, decision: RankingDecision, sender: str, pace: Pace) -> None:
        prediction, ranking = decision.inputs.prediction, decision.ranking
        metrics.SCORED.labels(prediction.model.version, ranking.policy.name, prediction.degraded or "no").inc()
        metrics.count_fallbacks(decision.fallbacks)
        event = decision.encoded_event()
        await pace.step()
        self.outbox.put(decision_subject("score"), event, sender)
        await pace.step()


def _without_model(rows: Rows, reason: Degraded) -> ModelPrediction:
    return ModelPrediction((0.0,) * len(rows.values), NO_MODEL, reason)
