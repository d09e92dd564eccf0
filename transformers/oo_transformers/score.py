"""The life of one `/score` call, top to bottom: features, one prediction, a decision, and the event of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, Protocol

from oo_contracts.events import DecidedCandidate, Event, ScoreDecision
from oo_contracts.ids import uuid7
from oo_contracts.score import Candidate, Degraded, ExperimentInfo, ModelInfo, PolicyInfo, ScoreRequest
from oo_contracts.seals import sealed
from oo_contracts.subjects import decision
from oo_experiments.choice import Choice
from oo_experiments.experiment import Assignment, Experiment, assign
from oo_experiments.policy import Baseline, Decision, Policy, decide
from oo_features.feature_set import FeatureSet, Rows
from oo_features.moment import Moment

from oo_transformers import metrics
from oo_transformers.errors import PredictorUnavailable
from oo_transformers.predictor import Values

__all__ = ["NO_MODEL", "Outbox", "Predictor", "Scored", "Scorer"]

log = logging.getLogger(__name__)

NO_MODEL = ModelInfo(name="none", version="0")
BASELINE = Baseline()


class Predictor(Protocol):
    """One value per row."""

    async def predict(
        self, rows: tuple[tuple[float, ...], ...], feature_set: str, request_id: str, headers: Mapping[bytes, bytes]
    ) -> Values: ...


class Outbox(Protocol):
    """Takes an event along without waiting."""

    def put(self, subject: str, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Judged:
    """What the model said of the rows, or why it did not."""

    values: tuple[float, ...]
    model: ModelInfo
    degraded: Degraded | None


@dataclass(frozen=True, slots=True)
class Scored:
    """The reply, where its time went (ms), and what to do once it is sent."""

    reply: dict[str, Any]
    timing: dict[str, float]
    publish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Scorer:
    """`policy` acts for whoever is in no experiment."""

    features: FeatureSet
    predictor: Predictor
    policy: Policy
    experiments: tuple[Experiment, ...]
    outbox: Outbox
    clock: Callable[[], datetime]

    async def __call__(self, ask: ScoreRequest, headers: Mapping[bytes, bytes]) -> Scored:
        """Answer one call. A predictor that fails degrades the answer to the recommender's own baseline."""
        start = perf_counter()
        request_id = ask.request_id or uuid7()
        candidates = ask.choices()
        moment = Moment.at(
            self.clock(),
            ask.timezone,
            tuple(task.facts() for task in ask.tasks),
            self._mirrored(ask.profile_features),
            ask.profile_computed_at,
        )
        rows = self.features.rows(moment, candidates)
        featured = perf_counter()
        judged = await self._judge(rows, request_id, headers)
        predicted = perf_counter()
        assignment = None if judged.degraded else assign(self.experiments, ask.user_id, request_id)
        policy = _policy(judged, assignment, self.policy)
        eligible = [candidate.eligible for candidate in candidates]
        baseline = _baseline(ask, candidates)
        drawn = decide(policy, Choice(judged.values, eligible, baseline), key=request_id)
        round_ = Round(request_id, ask, moment, candidates, rows, judged, policy, assignment, baseline, drawn)
        decided = perf_counter()
        timing = {"features": featured - start, "predictor": predicted - featured, "policy": decided - predicted}
        return Scored(round_.reply(self.features.ref), timing, lambda: self._publish(round_))

    def _mirrored(self, profile: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Only what the mirror knows: nothing else that a caller ships is looked at, or logged."""
        return (
            None
            if profile is None
            else {of.name: profile[of.name] for of in self.features.profile if of.name in profile}
        )

    async def _judge(self, rows: Rows, request_id: str, headers: Mapping[bytes, bytes]) -> Judged:
        if not rows.values:
            return Judged((), NO_MODEL, None)
        try:
            found = await self.predictor.predict(rows.values, self.features.ref, request_id, headers)
        except PredictorUnavailable as error:
            log.warning("degraded: %s: %s", error.reason, error)
            return Judged((0.0,) * len(rows.values), NO_MODEL, error.reason)
        return Judged(found.values, found.model, None)

    def _publish(self, of: Round) -> None:
        metrics.SCORED.labels(of.judged.model.version, of.policy.name, of.judged.degraded or "no").inc()
        for item in of.rows.fallbacks:
            metrics.FALLBACKS.labels(item.feature, item.reason).inc()
        self.outbox.put(decision("score"), of.event(self.features.ref))


def _policy(judged: Judged, assignment: Assignment | None, default: Policy) -> Policy:
    if judged.degraded:
        return BASELINE
    return assignment.policy if assignment else default


def _baseline(ask: ScoreRequest, candidates: tuple[Candidate, ...]) -> int | None:
    """What the recommender would have shown: the candidate it names, else its first eligible one."""
    wanted = (
        place
        for place, item in enumerate(candidates)
        if item.id == ask.baseline or (ask.baseline is None and item.eligible)
    )
    return next(wanted, None)


@dataclass(frozen=True, slots=True)
class Round:
    """All that was known and decided in one call; the reply and the event are two views of it."""

    request_id: str
    ask: ScoreRequest
    moment: Moment
    candidates: tuple[Candidate, ...]
    rows: Rows
    judged: Judged
    policy: Policy
    assignment: Assignment | None
    baseline: int | None
    drawn: Decision

    def reply(self, feature_set: str) -> dict[str, Any]:
        """A ScoreReply as plain values: best first, equals in the order they came."""
        values, chances = self.judged.values, self.drawn.propensities
        order = sorted(range(len(values)), key=values.__getitem__, reverse=True)
        return {
            "request_id": self.request_id,
            "scores": [
                {"candidate_id": self.candidates[at].id, "score": values[at], "propensity": chances[at], "rank": rank}
                for rank, at in enumerate(order, start=1)
            ],
            "chosen": self._id(self.drawn.index),
            "model": {"name": self.judged.model.name, "version": self.judged.model.version},
            "policy": {"name": self.policy.name, "version": self.policy.version},
            "experiment": {"key": self.assignment.key, "variant": self.assignment.variant} if self.assignment else None,
            "feature_set": feature_set,
            "fallbacks": [{"feature": item.feature, "reason": item.reason} for item in self.rows.fallbacks],
            "profile_age": "known" if self.rows.profile_known else "unknown",
            "degraded": self.judged.degraded,
        }

    def event(self, feature_set: str) -> ScoreDecision:
        """The whole round; made after the reply is sent, from parts that are already valid."""
        decision = ScoreDecision.model_construct(
            event_id=uuid7(),
            request_id=self.request_id,
            user_id=self.ask.user_id,
            decided_at=self.moment.now,
            moment=self.moment.facts(),
            feature_set=feature_set,
            candidates=tuple(map(self._decided, range(len(self.candidates)))),
            chosen=self._id(self.drawn.index),
            propensity=self.drawn.propensity,
            baseline=self._id(self.baseline),
            model=self.judged.model,
            policy=PolicyInfo(name=self.policy.name, version=self.policy.version),
            experiment=self._experiment(),
            fallbacks=self.rows.fallbacks,
            degraded=self.judged.degraded,
        )
        return sealed(decision)

    def _decided(self, at: int) -> DecidedCandidate:
        item = self.candidates[at]
        return DecidedCandidate(
            id=item.id,
            kind=item.kind,
            task_id=item.task_id,
            prompt_version=item.prompt_version,
            eligible=item.eligible,
            row=self.rows.values[at],
            value=self.judged.values[at],
            propensity=self.drawn.propensities[at],
        )

    def _experiment(self) -> ExperimentInfo | None:
        if self.assignment is None:
            return None
        return ExperimentInfo(key=self.assignment.key, variant=self.assignment.variant)

    def _id(self, at: int | None) -> str | None:
        return None if at is None else self.candidates[at].id
