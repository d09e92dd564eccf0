"""Rounds of a store as reports need them: what was decided, and what has come of it so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from oo_consumers.effect_store import Store
from oo_contracts.events import AssignmentFacts, GenerateDecision, ScoreDecision
from oo_contracts.generate import Usage
from oo_contracts.reward_table import RewardTable
from oo_contracts.score import ExperimentInfo, PolicyInfo
from oo_decisions.round import ObservedReaction, RoundOutcome, round_outcome
from oo_decisions.standing_decision import first_made_by

__all__ = ["ApprenticeAgreement", "LoggedRound", "LoggedTip", "scores", "tips"]

Reactions = Mapping[str, tuple[ObservedReaction, ...]]


@dataclass(frozen=True, slots=True)
class ApprenticeAgreement:
    """How an apprentice agrees with the baseline that acted, and the probability that it gave to the baseline's
    choice."""

    learner: PolicyInfo
    agrees: float
    propensity: float


@dataclass(frozen=True, slots=True)
class LoggedRound:
    """One round, decided at an instant in UTC.

    `latency_ms` is the predictor's for a score, and the whole call's for a tip, which also has its tokens. `shadows`
    are the policies whose propensities were logged beside those of the one that acted.
    """

    request_id: str
    user_id: str
    decided_at: datetime
    outcome: RoundOutcome
    policy: PolicyInfo
    experiment: ExperimentInfo | None
    assignment: AssignmentFacts | None
    fell_back: bool
    degraded: bool
    latency_ms: float | None = None
    usage: Usage | None = None
    agreement: ApprenticeAgreement | None = None
    shadows: tuple[PolicyInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedTip:
    """A call of /generate, and what came of it."""

    event: GenerateDecision
    outcome: RoundOutcome

    def logged_round(self) -> LoggedRound | None:
        """Return the tip as a round; None where the caller named the version, so that nothing was decided."""
        event = self.event
        if event.draw is None:
            return None
        return LoggedRound(
            request_id=event.request_id,
            user_id=event.user_id,
            decided_at=event.decided_at.astimezone(UTC),
            outcome=self.outcome,
            policy=event.draw.policy,
            experiment=event.draw.experiment,
            assignment=event.draw.assignment,
            fell_back=event.fallback is not None,
            degraded=False,
            latency_ms=event.latency_ms,
            usage=event.usage,
        )


def scores(store: Store, now: datetime, table: RewardTable) -> Iterator[LoggedRound]:
    """Yield every decision for a candidate, in order of time.

    Raises:
        StoreError: the database refused or cannot be reached.
    """
    reactions: Reactions = dict(store.reactions_by_request())
    latencies = {
        item.request_id: item.latency_ms
        for item in store.predictions()
        if item.role == "live" and item.outcome == "answered"
    }
    for decision in store.decisions():
        if decision.chosen_id is not None:
            outcome = round_outcome(decision.chosen_id, reactions.get(decision.request_id, ()), now, table)
            yield _scored(decision, outcome, latencies.get(decision.request_id))


def _scored(decision: ScoreDecision, outcome: RoundOutcome, latency_ms: float | None) -> LoggedRound:
    return LoggedRound(
        request_id=decision.request_id,
        user_id=decision.user_id,
        decided_at=decision.decided_at.astimezone(UTC),
        outcome=outcome,
        policy=decision.policy,
        experiment=decision.experiment,
        assignment=decision.assignment,
        fell_back=bool(decision.fallbacks),
        degraded=decision.degraded is not None,
        latency_ms=latency_ms,
        agreement=_matched(decision),
        shadows=tuple(shadow.policy for shadow in decision.shadows),
    )


def _matched(decision: ScoreDecision) -> ApprenticeAgreement | None:
    """Return how the first shadow, which is the learner, agrees with the baseline.

    Of several equally likely candidates it would take each as often.
    """
    if decision.assignment is None or decision.assignment.mode != "apprentice" or not decision.shadows:
        return None
    propensities = decision.shadows[0].propensities
    propensity = propensities[
        next(index for index, item in enumerate(decision.candidates) if item.id == decision.chosen_id)
    ]
    best = max(propensities)
    return ApprenticeAgreement(decision.shadows[0].policy, (propensity == best) / propensities.count(best), propensity)


def tips(store: Store, now: datetime, table: RewardTable) -> list[LoggedTip]:
    """Return tips in order of time; of a call that was made again the first tip stands.

    Raises:
        StoreError: the database refused or cannot be reached.
    """
    reactions: Reactions = dict(store.reactions_by_request())
    first = first_made_by(lambda event: (event.request_id, event.prompt_version), store.tips())
    outcomes = (
        (event, round_outcome(event.candidate_id, reactions.get(event.request_id, ()), now, table))
        for event in first.values()
    )
    return sorted(
        (LoggedTip(event, outcome) for event, outcome in outcomes),
        key=lambda tip: (tip.event.decided_at, tip.event.event_id),
    )
