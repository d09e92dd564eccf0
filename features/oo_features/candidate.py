"""This module declares the features of one candidate: its kind, its index, and the task that it is about.

The task's features are unknown, and so have their fallbacks, for a candidate without a task.
"""

from __future__ import annotations

from datetime import UTC, timedelta

from oo_features.feature import CandidateContext, feature

__all__ = ["CANDIDATE_FEATURES"]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
YEAR_OF_DAYS = 366.0  # days; a due date further away counts as this far


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0, high=1)
def is_task(item: CandidateContext) -> int:
    """1 for a tip about a task."""
    return int(item.candidate.kind == "task")


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0, high=1)
def is_none(item: CandidateContext) -> int:
    """1 for showing nothing."""
    return int(item.candidate.kind == "none")


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0)
def place(item: CandidateContext) -> int:
    """Place in the order in which the recommender sent the candidates, from 0."""
    return item.index


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=1, low=1, high=4)
def priority(item: CandidateContext) -> int | None:
    """Todoist's priority; 4 is the most urgent."""
    return item.task.priority if item.task else None


@feature(group="candidate", source="todoist", freshness="the call", fallback=366.0, low=-366, high=366)
def days_until_due(item: CandidateContext) -> float | None:
    """Calendar days in the user's zone until the task is due; negative when overdue, 366 without a due date."""
    day = item.task.due_day(item.context.zone) if item.task else None
    if day is None:
        return None
    return max(-YEAR_OF_DAYS, min(YEAR_OF_DAYS, (day - item.context.now.date()) / DAY))


@feature(group="candidate", source="todoist", freshness="the call", fallback=48.0, low=-48, high=48)
def hours_until_due(item: CandidateContext) -> float | None:
    """Hours until the due time, within two days either way; 48 when only a day, or nothing, is given."""
    at = item.task.due_at(item.context.zone) if item.task else None
    return None if at is None else max(-48.0, min(48.0, (at.astimezone(UTC) - item.context.now.astimezone(UTC)) / HOUR))


@feature(group="candidate", source="todoist", freshness="the call", fallback=0.0, low=0, high=366)
def age_days(item: CandidateContext) -> float | None:
    """Days since the task was made, up to a year."""
    if item.task is None or item.task.created_at is None:
        return None
    # A time without a zone is taken as UTC: Python refuses to subtract it from an aware one.
    created = item.task.created_at
    aware = created if created.tzinfo else created.replace(tzinfo=UTC)
    return max(0.0, min(YEAR_OF_DAYS, (item.context.now - aware) / DAY))


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0, high=1)
def is_recurring(item: CandidateContext) -> int | None:
    """1 for a task that comes back."""
    return int(item.task.is_recurring) if item.task else None


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0)
def labels(item: CandidateContext) -> int | None:
    """How many labels the task has."""
    return item.task.labels if item.task else None


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0)
def content_length(item: CandidateContext) -> int | None:
    """Characters in the task's title; the title itself is never looked at."""
    return item.task.content_length if item.task else None


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
