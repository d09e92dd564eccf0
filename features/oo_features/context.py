"""This module declares the features of a call's context: the server's clock and the live task list.

They are never cached.
"""

from __future__ import annotations

from oo_features.call_arrays import CallArrays, Column
from oo_features.feature import feature

__all__ = ["CONTEXT_FEATURES"]

URGENT = 4  # Todoist's highest priority in its API


@feature(group="context", dtype="int", source="clock", freshness="the call", fallback=12, low=0, high=23)
def hour_of_day(calls: CallArrays) -> Column:
    """Hour on the user's clock, 0 to 23. The server's time rules; the client's clock is never read."""
    return calls.hour


@feature(group="context", dtype="int", source="clock", freshness="the call", fallback=0, low=0, high=6)
def day_of_week(calls: CallArrays) -> Column:
    """Day on the user's calendar, Monday = 0."""
    return calls.weekday


@feature(group="context", dtype="int", source="todoist", freshness="the call", fallback=0, low=0)
def open_tasks(calls: CallArrays) -> Column:
    """How many tasks are open."""
    return calls.open_count


@feature(group="context", source="todoist", freshness="the call", fallback=0.0, low=0, high=1)
def overdue_share(calls: CallArrays) -> Column:
    """Part of the open tasks that were due before today; unknown for an empty list."""
    return calls.share_of_open(calls.tasks.due_day < calls.today[calls.call])


@feature(group="context", source="todoist", freshness="the call", fallback=0.0, low=0, high=1)
def due_today_share(calls: CallArrays) -> Column:
    """Part of the open tasks that are due today; unknown for an empty list."""
    return calls.share_of_open(calls.tasks.due_day == calls.today[calls.call])


@feature(group="context", source="todoist", freshness="the call", fallback=0.0, low=0, high=1)
def urgent_share(calls: CallArrays) -> Column:
    """Part of the open tasks with Todoist's highest priority (4 in the API); unknown for an empty list."""
    return calls.share_of_open(calls.tasks.priority == URGENT)


CONTEXT_FEATURES = (hour_of_day, day_of_week, open_tasks, overdue_share, due_today_share, urgent_share)
