"""The life of one `/score` call, top to bottom: features, one prediction, a decision, and the event of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Any, Protocol

from oo_contracts.events import Event
from oo_contracts.ids import uuid7
from oo_contracts.score import NO_MODEL, Candidate, ScoreRequest, arm_of
from oo_contracts.subjects import decision
from oo_experiments.beliefs import Beliefs
from oo_experiments.choice import Choice
from oo_experiments.enrolment import Assignment, Running, assign
from oo_experiments.policy import Baseline, Policy, decide
from oo_features.feature_set import FeatureSet, Rows
from oo_features.moment import Moment
from oo_features.scaling import scaled

from oo_transformers import metrics
from oo_transformers.errors import PredictorUnavailable
from oo_transformers.predictor import Values
from oo_transformers.round import Judged, Round

__all__ = ["Outbox", "Predictor", "Scored", "Scorer"]

log = logging.getLogger(__name__)

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
class Scored:
    """The reply, where its time went (ms), and what to do once it is sent."""

    reply: dict[str, Any]
    timing: dict[str, float]
    publish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Scorer:
    """`policy` acts for whoever is in no experiment; `running` says what runs at this moment."""

    features: FeatureSet
    predictor: Predictor
    policy: Policy
    running: Callable[[], Running]
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
        assignment = self._assigned(judged, ask.user_id, request_id, moment)
        choice = self._choice(ask, candidates, rows, judged, assignment)
        policy = _policy(judged, assignment, self.policy)
        drawn = decide(policy, choice, key=request_id)
        round_ = Round(request_id, ask, moment, candidates, rows, judged, policy, assignment, choice, drawn)
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

    def _assigned(self, judged: Judged, user_id: str, request_id: str, at: Moment) -> Assignment | None:
        """A degraded round is in no experiment: nothing could be learned from it."""
        if judged.degraded:
            return None
        found = assign(self.running(), "candidates", user_id, request_id, at.now)
        return None if found is None else self._of_our_rows(found)

    def _of_our_rows(self, of: Assignment) -> Assignment:
        """Beliefs about rows of another length, as while a new version rolls out, are none about ours."""
        linear = of.beliefs.linear if of.beliefs else None
        if linear is None or linear.d == len(self.features.names) + 1:
            return of
        metrics.UNUSABLE.labels("beliefs").inc()
        return replace(of, beliefs=Beliefs())

    def _choice(
        self,
        ask: ScoreRequest,
        candidates: tuple[Candidate, ...],
        rows: Rows,
        judged: Judged,
        assignment: Assignment | None,
    ) -> Choice:
        """What policies may look at; arms and scaled rows only where one believes something of them."""
        believes = assignment is not None and assignment.beliefs is not None
        linear = assignment is not None and assignment.needs_contexts
        return Choice(
            judged.values,
            [candidate.eligible for candidate in candidates],
            _baseline(ask, candidates),
            [arm_of(item.kind, item.prompt_version) for item in candidates] if believes else (),
            [scaled(self.features, row) for row in rows.values] if linear else (),
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
    return assignment.acting(default) if assignment else default


def _baseline(ask: ScoreRequest, candidates: tuple[Candidate, ...]) -> int | None:
    """What the recommender would have shown: the candidate it names, else its first eligible one."""
    wanted = (
        place
        for place, item in enumerate(candidates)
        if item.id == ask.baseline or (ask.baseline is None and item.eligible)
    )
    return next(wanted, None)
