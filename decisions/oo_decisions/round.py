"""The life of a round: one decision joined with the reactions to what it chose.

A round is open when it is decided, shown once any reaction to the chosen candidate occurred, and closed when its
waiting time is over since then. Only a closed round has a reward; one that was never shown teaches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from oo_contracts.events import ScoreDecision
from oo_contracts.reward_table import Reaction, RewardTable

__all__ = ["ObservedReaction", "Round", "RoundOutcome", "RoundState", "closed_round", "round_outcome"]


class RoundState(StrEnum):
    """The life of a round: open (decided) → shown (any reaction arrived) → closed (the waiting time is over)."""

    OPEN = "open"
    SHOWN = "shown"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ObservedReaction:
    """One stored reaction, the candidate that it was a reaction to, and when it occurred."""

    candidate_id: str
    reaction: Reaction
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class RoundOutcome:
    """What has come of a round so far; `reward` is None until it is closed.

    `closes_at` and `shown_at` are None until it was shown; `closes_at` is also None if the calendar ends before.
    """

    state: RoundState
    reward: float | None = None
    closes_at: datetime | None = None
    shown_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """A closed round, the only kind that trains.

    It has the served row, what was chosen with which propensity, and the reward.
    """

    decision: ScoreDecision
    reward: float
    shown_at: datetime
    reward_version: str


def round_outcome(
    chosen_id: str | None, reactions: Iterable[ObservedReaction], now: datetime, table: RewardTable
) -> RoundOutcome:
    """Return the outcome at the instant `now`, by all reactions to the request.

    Only reactions to the candidate `chosen_id` count, since one to another candidate says nothing about the choice;
    None means that any counts. Any reaction proves that the tip was shown.
    """
    own = [item for item in reactions if chosen_id in {None, item.candidate_id}]
    if not own:
        return RoundOutcome(RoundState.OPEN)
    shown_at = min(item.occurred_at for item in own)
    closes_at = _closing_time(shown_at, table.wait)
    # Subtract instead of comparing with `closes_at`, which is unknown near the calendar's end.
    if now - shown_at < table.wait:
        return RoundOutcome(RoundState.SHOWN, None, closes_at, shown_at)
    return RoundOutcome(RoundState.CLOSED, table.reward(item.reaction for item in own), closes_at, shown_at)


def closed_round(
    decision: ScoreDecision, reactions: Iterable[ObservedReaction], now: datetime, table: RewardTable
) -> Round | None:
    """Return the round of a decision, by all reactions to its request; None while it is open or only shown."""
    if decision.chosen_id is None:
        return None
    outcome = round_outcome(decision.chosen_id, reactions, now, table)
    if outcome.reward is None or outcome.shown_at is None:
        return None
    return Round(decision, outcome.reward, outcome.shown_at, table.version)


def _closing_time(shown_at: datetime, wait: timedelta) -> datetime | None:
    try:
        return shown_at + wait
    except OverflowError:
        return None
