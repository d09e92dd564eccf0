"""Reactions become rewards here and nowhere else. Reactions are stored; rewards are derived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

__all__ = ["REWARDS", "Reaction", "RewardTable"]

Reaction = Literal["shown", "clicked", "completed", "snoozed", "dismissed"]


@dataclass(frozen=True, slots=True)
class RewardTable:
    """What each reaction is worth, and how long a shown tip may wait for one.

    Several reactions of one round count as the highest of them: the maximum does not depend on the order of arrival.

    >>> REWARDS.reward(["shown", "clicked", "completed"]), REWARDS.reward(["shown"])
    (1.0, 0.0)
    """

    version: str
    values: Mapping[Reaction, float]
    wait: timedelta

    def reward(self, reactions: Iterable[Reaction]) -> float:
        """The round's reward in [0, 1].

        Raises:
            ValueError: no reaction at all; a tip that was never shown teaches nothing.
        """
        return max(self.values[reaction] for reaction in reactions)


REWARDS = RewardTable(
    version="v1",
    values={"shown": 0.0, "clicked": 0.4, "completed": 1.0, "snoozed": 0.0, "dismissed": 0.0},
    wait=timedelta(hours=24),
)
