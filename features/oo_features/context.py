"""This module declares the features of a call's context: the server's clock and the live task list.

They are never cached.
"""

from __future__ import annotations

from oo_contracts.task import TaskFacts

from oo_features.feature import feature
from oo_features.feature_context import FeatureContext

__all__ = ["CONTEXT_FEATURES"]


@feature(group="context", dtype="int", source="clock", freshness="the call", fallback=12, low=0, high=23)
def hour_of_day(context: FeatureContext) -> int:
    """Hour on the user's clock, 0 to 23. The server's time rules; the client's clock is never read."""
    return context.now.hour


@feature(group="context", dtype="int", source="clock", freshness="the call", fallback=0, low=0, high=6)
def day_of_week(context: FeatureContext) -> int:
    """Day on the user's calendar, Monday = 0."""
    return context.now.weekday()


@feature(group="context", dtype="int", source="todoist", freshness="the call", fallback=0, low=0)
def open_tasks(context: FeatureContext) -> int:
    """How many tasks are open."""
    return sum(not task.completed for task in context.tasks)


@feature(group="context", source="todoist", freshness="the call", fallback=0.0, low=0, high=1)
def overdue_share(context: FeatureContext) -> float | None:
    """Part of the open tasks that were due before today; unknown for an empty list."""
    today = context.now.date()
    return _share([(day := task.due_day(context.zone)) is not None and day < today for task in _open(context)])


@feature(group="context", source="todoist", freshness="the call", fallback=0.0, low=0, high=1)
def due_today_share(context: FeatureContext) -> float | None:
    """Part of the open tasks that are due today; unknown for an empty list."""
    today = context.now.date()
    return _share([task.due_day(context.zone) == today for task in _open(context)])


@feature(group="context", source="todoist", freshness="the call", fallback=0.0, low=0, high=1)
def urgent_share(context: FeatureContext) -> float | None:
    """Part of the open tasks with Todoist's highest priority (4 in the API); unknown for an empty list."""
    return _share([task.priority == 4 for task in _open(context)])


def _open(context: FeatureContext) -> list[TaskFacts]:
    return [task for task in context.tasks if not task.completed]


def _share(marks: list[bool]) -> float | None:
    return sum(marks) / len(marks) if marks else None


CONTEXT_FEATURES = (hour_of_day, day_of_week, open_tasks, overdue_share, due_today_share, urgent_share)
