"""All that was known and decided in one call of `/score`; its reply and its event are two views of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oo_contracts.events import AssignmentFacts, DecidedCandidate, ScoreDecision, ShadowChances
from oo_contracts.ids import uuid7
from oo_contracts.score import Candidate, Degraded, ExperimentInfo, ModelInfo, PolicyInfo, ScoreRequest
from oo_contracts.seals import sealed
from oo_experiments.choice import Choice
from oo_experiments.enrolment import Assignment
from oo_experiments.policy import Decision, Policy
from oo_features.feature_set import Rows
from oo_features.moment import Moment

__all__ = ["Judged", "Round", "assignment_facts", "believed", "experiment_info", "policy_info", "shadow_chances"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the model said of the rows, or why it did not."""

    values: tuple[float, ...]
    model: ModelInfo
    degraded: Degraded | None


@dataclass(frozen=True, slots=True)
class Round:
    """`assignment` is None for whoever is in no experiment."""

    request_id: str
    ask: ScoreRequest
    moment: Moment
    candidates: tuple[Candidate, ...]
    rows: Rows
    judged: Judged
    policy: Policy
    assignment: Assignment | None
    choice: Choice
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
            baseline=self._id(self.choice.baseline),
            model=self.judged.model,
            policy=policy_info(self.policy),
            experiment=experiment_info(self.assignment),
            shadows=shadow_chances(self.assignment, self.choice),
            fallbacks=self.rows.fallbacks,
            degraded=self.judged.degraded,
            assignment=assignment_facts(self.assignment),
            beliefs=believed(self.assignment),
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

    def _id(self, at: int | None) -> str | None:
        return None if at is None else self.candidates[at].id


def policy_info(of: Policy) -> PolicyInfo:
    return PolicyInfo(name=of.name, version=of.version)


def experiment_info(of: Assignment | None) -> ExperimentInfo | None:
    return None if of is None else ExperimentInfo(key=of.key, variant=of.variant)


def assignment_facts(of: Assignment | None) -> AssignmentFacts | None:
    """The experiment as it stood, for the event."""
    if of is None:
        return None
    return AssignmentFacts(mode=of.mode, unit=of.unit, coverage=of.coverage, weights=dict(of.weights))


def believed(of: Assignment | None) -> dict[str, Any] | None:
    return None if of is None or of.beliefs is None else of.beliefs.plain()


def shadow_chances(of: Assignment | None, choice: Choice) -> tuple[ShadowChances, ...]:
    """What each policy that only watches would have done: 0 for everything where nothing could be chosen."""
    return tuple(
        ShadowChances(
            policy=policy_info(policy),
            propensities=policy.probabilities(choice) if any(choice.eligible) else (0.0,) * len(choice.values),
        )
        for policy in (of.shadows() if of else ())
    )
