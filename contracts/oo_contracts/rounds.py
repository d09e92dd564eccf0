"""A round: one decision joined with what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oo_contracts.events import ScoreDecision
from oo_contracts.rewards import Reaction, RewardTable

__all__ = ["Observed", "Round", "State", "state_of"]


class State(StrEnum):
    """open (decided) → shown (activated by feedback.shown) → closed (waiting time over)."""

    OPEN = "open"
    SHOWN = "shown"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Observed:
    """One stored reaction to the chosen candidate."""

    reaction: Reaction
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Round:
    """A closed round. Only these train: the row served, what was chosen with which chance, and its reward."""

    decision: ScoreDecision
    reward: float
    shown_at: datetime
    reward_version: str


def state_of(observed: tuple[Observed, ...], now: datetime, table: RewardTable) -> State:
    """Where a round is in its life. Any reaction proves that the tip was seen."""
    if not observed:
        return State.OPEN
    shown = min(item.occurred_at for item in observed)
    return State.CLOSED if now >= shown + table.wait else State.SHOWN
