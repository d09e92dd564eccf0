"""Features of one candidate: its kind, its place, and the task behind it. Unknown for a candidate without a task."""

from __future__ import annotations

from datetime import UTC, timedelta

from oo_features.feature import Subject, feature

__all__ = ["CANDIDATE_FEATURES"]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
YEAR_OF_DAYS = 366.0  # beyond a year, later is not different


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0, high=1)
def is_task(subject: Subject) -> int:
    """1 for a tip about a task."""
    return int(subject.candidate.kind == "task")


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0, high=1)
def is_none(subject: Subject) -> int:
    """1 for showing nothing."""
    return int(subject.candidate.kind == "none")


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0)
def place(subject: Subject) -> int:
    """Place in the order in which the recommender sent the candidates, from 0."""
    return subject.place


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=1, low=1, high=4)
def priority(subject: Subject) -> int | None:
    """Todoist's priority; 4 is the most urgent."""
    return subject.task.priority if subject.task else None


@feature(group="candidate", source="todoist", freshness="the call", fallback=366.0, low=-366, high=366)
def days_until_due(subject: Subject) -> float | None:
    """Calendar days in the user's zone until the task is due; negative when overdue, 366 without a due date."""
    day = subject.task.due_day(subject.moment.zone) if subject.task else None
    if day is None:
        return None
    return max(-YEAR_OF_DAYS, min(YEAR_OF_DAYS, (day - subject.moment.now.date()) / DAY))


@feature(group="candidate", source="todoist", freshness="the call", fallback=48.0, low=-48, high=48)
def hours_until_due(subject: Subject) -> float | None:
    """Hours until the due time, within two days either way; 48 when only a day, or nothing, is given."""
    at = subject.task.due_at(subject.moment.zone) if subject.task else None
    return (
        None if at is None else max(-48.0, min(48.0, (at.astimezone(UTC) - subject.moment.now.astimezone(UTC)) / HOUR))
    )


@feature(group="candidate", source="todoist", freshness="the call", fallback=0.0, low=0, high=366)
def age_days(subject: Subject) -> float | None:
    """Days since the task was made, up to a year."""
    if subject.task is None or subject.task.created_at is None:
        return None
    created = subject.task.created_at
    aware = created if created.tzinfo else created.replace(tzinfo=UTC)
    return max(0.0, min(YEAR_OF_DAYS, (subject.moment.now - aware) / DAY))


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0, high=1)
def is_recurring(subject: Subject) -> int | None:
    """1 for a task that comes back."""
    return int(subject.task.is_recurring) if subject.task else None


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0)
def labels(subject: Subject) -> int | None:
    """How many labels the task has."""
    return subject.task.labels if subject.task else None


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0)
def content_length(subject: Subject) -> int | None:
    """Characters in the task's title; the title itself is never looked at."""
    return subject.task.content_length if subject.task else None


CANDIDATE_FEATURES = (
    is_task,
    is_none,
    place,
    priority,
    days_until_due,
    hours_until_due,
    age_days,
    is_recurring,
    labels,
    content_length,
)
