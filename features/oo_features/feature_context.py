"""This module defines the context of a decision: all that a feature may read. Nothing here reads a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from oo_contracts.events import ContextFacts
from oo_contracts.task import TaskFacts
from oo_contracts.task_columns import TaskColumns

__all__ = ["FeatureContext"]


@dataclass(frozen=True, slots=True)
class FeatureContext:
    """The input of features: the server's instant in the user's zone, the tasks, and the shipped profile.

    The profile is unchecked; `profile_value` checks each value when a feature needs it.
    """

    now: datetime
    zone: ZoneInfo
    tasks: TaskColumns = field(default_factory=TaskColumns)
    profile: Mapping[str, Any] | None = None
    computed_at: datetime | Mapping[str, datetime] | None = None

    @classmethod
    def at(cls, now: datetime, timezone: str, tasks: TaskColumns | Sequence[TaskFacts] = (), *rest: Any) -> Self:
        """Return the context of an aware instant, moved into the user's zone; tasks may be objects as well."""
        zone = ZoneInfo(timezone)
        columns = tasks if isinstance(tasks, TaskColumns) else TaskColumns.from_facts(tasks)
        return cls(now.astimezone(zone), zone, columns, *rest)

    @classmethod
    def from_facts(cls, facts: ContextFacts) -> Self:
        """Return the context that an event carries; replay starts here."""
        return cls.at(facts.now, facts.timezone, facts.tasks, facts.profile, facts.profile_computed_at)

    def facts(self) -> ContextFacts:
        """Return the context as an event carries it."""
        return ContextFacts(
            now=self.now,
            timezone=self.zone.key,
            tasks=self.tasks.facts(),
            profile=None if self.profile is None else dict(self.profile),
            profile_computed_at=self.computed_at,
        )
