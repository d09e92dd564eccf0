"""The moment of a decision: all that a feature may look at. Nothing here reads a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from oo_contracts.events import MomentFacts
from oo_contracts.task import TaskFacts

__all__ = ["Moment"]


@dataclass(frozen=True, slots=True)
class Moment:
    """`now` is the server's instant in the user's zone; `profile` is what the recommender shipped, unchecked."""

    now: datetime
    zone: ZoneInfo
    tasks: tuple[TaskFacts, ...] = ()
    profile: Mapping[str, Any] | None = None
    computed_at: datetime | Mapping[str, datetime] | None = None

    @classmethod
    def at(cls, now: datetime, timezone: str, *rest: Any) -> Self:
        """Put an aware instant into the user's zone."""
        zone = ZoneInfo(timezone)
        return cls(now.astimezone(zone), zone, *rest)

    @classmethod
    def from_facts(cls, facts: MomentFacts) -> Self:
        """The moment that an event carries: replay starts here."""
        return cls.at(facts.now, facts.timezone, facts.tasks, facts.profile, facts.profile_computed_at)

    def facts(self) -> MomentFacts:
        """The moment as an event carries it."""
        return MomentFacts(
            now=self.now,
            timezone=self.zone.key,
            tasks=self.tasks,
            profile=None if self.profile is None else dict(self.profile),
            profile_computed_at=self.computed_at,
        )
