"""Rounds of a store as reports need them: what was decided, and what has come of it so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from oo_consumers.store import Reacted, Store
from oo_contracts.events import AssignmentFacts, GenerateDecision, ScoreDecision
from oo_contracts.generate import Usage
from oo_contracts.rewards import RewardTable
from oo_contracts.rounds import State, state_of
from oo_contracts.score import ExperimentInfo, PolicyInfo

__all__ = ["Matched", "Outcome", "Played", "Tip", "scores", "tips"]

Reactions = Mapping[str, tuple[Reacted, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reward` is None until the round is closed; `closes_at` until it was shown."""

    state: State
    reward: float | None = None
    closes_at: datetime | None = None

    @classmethod
    def of(cls, reactions: Sequence[Reacted], to: str | None, now: datetime, table: RewardTable) -> Outcome:
        """Of reactions to the candidate `to`; None means any."""
        ours = tuple(item.observed for item in reactions if to in {None, item.candidate_id})
        state = state_of(ours, now, table)
        if state is State.OPEN:
            return cls(state)
        closes_at = min(item.occurred_at for item in ours) + table.wait
        return cls(state, table.reward(item.reaction for item in ours) if state is State.CLOSED else None, closes_at)


@dataclass(frozen=True, slots=True)
class Matched:
    """What an apprentice would have done where the baseline acted: how it agrees, and the chance it gave to that."""

    learner: PolicyInfo
    agrees: float
    chance: float


@dataclass(frozen=True, slots=True)
class Played:
    """One round. Of a score, `latency_ms` is the predictor's; a tip also has its tokens."""

    request_id: str
    user_id: str
    decided_at: datetime
    outcome: Outcome
    policy: PolicyInfo
    experiment: ExperimentInfo | None
    assignment: AssignmentFacts | None
    fell_back: bool
    degraded: bool
    latency_ms: float | None = None
    usage: Usage | None = None
    matched: Matched | None = None


@dataclass(frozen=True, slots=True)
class Tip:
    """A call of /generate, and what came of it."""

    event: GenerateDecision
    outcome: Outcome

    def played(self) -> Played | None:
        """As a round; None where the caller named the version, so that nothing was decided."""
        of = self.event
        if of.draw is None:
            return None
        return Played(
            request_id=of.request_id,
            user_id=of.user_id,
            decided_at=of.decided_at,
            outcome=self.outcome,
            policy=of.draw.policy,
            experiment=of.draw.experiment,
            assignment=of.draw.assignment,
            fell_back=of.fallback is not None,
            degraded=False,
            latency_ms=of.latency_ms,
            usage=of.usage,
        )


def scores(store: Store, now: datetime, table: RewardTable) -> Iterator[Played]:
    """Every decision for a candidate, in order of time.

    Raises:
        StoreError: the database.
    """
    reacted: Reactions = dict(store.reacted())
    took = {item.request_id: item.latency_ms for item in store.predicted() if item.role == "live"}
    for logged in store.decided():
        of = ScoreDecision.model_validate_json(logged.event)
        if of.chosen is not None:
            outcome = Outcome.of(reacted.get(of.request_id, ()), of.chosen, now, table)
            yield _scored(of, outcome, took.get(of.request_id))


def _scored(of: ScoreDecision, outcome: Outcome, latency_ms: float | None) -> Played:
    return Played(
        request_id=of.request_id,
        user_id=of.user_id,
        decided_at=of.decided_at,
        outcome=outcome,
        policy=of.policy,
        experiment=of.experiment,
        assignment=of.assignment,
        fell_back=bool(of.fallbacks),
        degraded=of.degraded is not None,
        latency_ms=latency_ms,
        matched=_matched(of),
    )


def _matched(of: ScoreDecision) -> Matched | None:
    """The learner is the first shadow. Of several equally likely candidates it would take each as often."""
    if of.assignment is None or of.assignment.mode != "apprentice" or not of.shadows:
        return None
    chances = of.shadows[0].propensities
    chance = chances[next(place for place, item in enumerate(of.candidates) if item.id == of.chosen)]
    best = max(chances)
    return Matched(of.shadows[0].policy, (chance == best) / chances.count(best), chance)


def tips(store: Store, now: datetime, table: RewardTable) -> list[Tip]:
    """Tips in order of time. A call that was made again is the same tip: the first stands.

    Raises:
        StoreError: the database.
    """
    reacted: Reactions = dict(store.reacted())
    first: dict[tuple[str, str], Tip] = {}
    for of in store.generated():
        outcome = Outcome.of(reacted.get(of.request_id, ()), of.candidate_id, now, table)
        first.setdefault((of.request_id, of.prompt_version), Tip(of, outcome))
    return sorted(first.values(), key=lambda tip: (tip.event.decided_at, tip.event.event_id))
