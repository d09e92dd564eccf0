"""This module defines Todoist tasks in both shapes that Todoist's APIs send, and the part that features may see.

REST v2 says `created_at`, `is_completed`, `order`, `due.datetime`; API v1 (Sync) says `added_at`, `checked`,
`child_order`, and puts the time into `due.date`. Unknown fields are ignored.
"""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = ["Due", "Task", "TaskFacts", "day_or_time", "local_time"]


def _text_id(value: Any) -> Any:
    """Old Todoist ids are numbers, new ones strings; inside they are always text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def day_or_time(value: Any) -> date:
    """Return what Todoist calls a date: a day, a floating time, or a fixed time with a zone.

    Raises:
        ValueError: it is none, or in a year that has no place in every time zone.
    """
    try:
        found = value if isinstance(value, date) else _parsed(value)
    except (TypeError, ValueError):
        raise ValueError("not a date like 2026-11-23 or 2026-11-23T09:00:00Z") from None
    if isinstance(found, datetime) and found.year in {MINYEAR, MAXYEAR}:
        raise ValueError("the first and the last year have no place in every time zone")
    return found


def local_time(due: datetime, zone: ZoneInfo) -> datetime:
    """Return a due time in the user's zone; a floating one is that time wherever the user is."""
    return due.replace(tzinfo=zone) if due.tzinfo is None else due.astimezone(zone)


def _parsed(text: str) -> date:
    return datetime.fromisoformat(text) if len(text) > len("2026-11-23") else date.fromisoformat(text)


Id = Annotated[str, BeforeValidator(_text_id), Field(min_length=1, max_length=128)]
DayOrTime = Annotated[datetime | date, BeforeValidator(day_or_time)]


def _as_todoist_sends_it(schema: dict[str, Any]) -> None:
    """Both APIs always send `date`; REST v2 sends `datetime` beside it. Inside, they are one."""
    when = schema["properties"].pop("datetime")
    timed = {"anyOf": [*when["anyOf"], {"type": "null"}], "description": "REST v2, when it has a time"}
    dates = {"date": when | {"title": "Date"}, "datetime": timed}
    schema |= {"properties": dates | schema["properties"], "required": ["date"], "additionalProperties": True}


class Due(BaseModel):
    """When a task is due: `when` is a day, a floating time (no zone) or a fixed instant."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_as_todoist_sends_it)

    when: DayOrTime = Field(validation_alias=AliasChoices("datetime", "date", "when"))
    timezone: str | None = None
    is_recurring: bool = False

    @model_validator(mode="before")
    @classmethod
    def _rest_shape(cls, data: Any) -> Any:
        """REST v2 sends `datetime: null` beside `date` for a day without a time."""
        if isinstance(data, dict) and data.get("datetime", ...) is None:
            return {key: value for key, value in data.items() if key != "datetime"}
        return data


class TaskFacts(BaseModel):
    """All that features may know of a task: no text, so that a decision event can carry it and replay can use it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    priority: Annotated[int, Field(ge=1, le=4)] = 1
    due: DayOrTime | None = None
    is_recurring: bool = False
    created_at: datetime | None = None
    completed: bool = False
    labels: int = 0
    content_length: int = 0
    has_parent: bool = False

    def due_at(self, zone: ZoneInfo) -> datetime | None:
        """Return the due instant in the user's zone, or None without a due date or when only a day is given."""
        return local_time(self.due, zone) if isinstance(self.due, datetime) else None

    def due_day(self, zone: ZoneInfo) -> date | None:
        """Return the calendar day in the user's zone on which the task is due, or None without a due date."""
        at = self.due_at(zone)
        return at.date() if at is not None else self.due


class Task(BaseModel):
    """One Todoist task. Priority 4 is the most urgent, as in Todoist's API (p1 in its apps)."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra={"additionalProperties": True})

    id: Id
    content: str = ""
    description: str | None = ""
    priority: Annotated[int, Field(strict=True, ge=1, le=4)] = 1
    labels: tuple[str, ...] = ()
    project_id: Id | None = None
    parent_id: Id | None = None
    due: Due | None = None
    created_at: datetime | None = Field(
        None, validation_alias=AliasChoices("created_at", "added_at"), description="`added_at` in API v1"
    )
    completed: bool = Field(
        False, validation_alias=AliasChoices("is_completed", "checked", "completed"), description="`checked` in API v1"
    )
    order: int = Field(0, validation_alias=AliasChoices("order", "child_order"), description="`child_order` in API v1")

    def facts(self) -> TaskFacts:
        """Return the part of this task that may enter features and the log."""
        return TaskFacts.model_construct(
            id=self.id,
            priority=self.priority,
            due=self.due.when if self.due else None,
            is_recurring=bool(self.due and self.due.is_recurring),
            created_at=self.created_at,
            completed=self.completed,
            labels=len(self.labels),
            content_length=len(self.content),
            has_parent=self.parent_id is not None,
        )
