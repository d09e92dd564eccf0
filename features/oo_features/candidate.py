"""This module declares the features of candidates: their kind, their index, and the task that they are about.

Each is a function from columns to a column, shape (candidates,). The task's features are unknown, and so have their
fallbacks, for a candidate without a task.
"""

from __future__ import annotations

import numpy as np

from oo_features.call_arrays import CandidateArrays, Column
from oo_features.feature import feature

__all__ = ["CANDIDATE_FEATURES"]

HOUR_US = 3.6e9
DAY_US = 24 * HOUR_US
YEAR_OF_DAYS = 366.0  # days; a due date further away counts as this far


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0, high=1)
def is_task(candidates: CandidateArrays) -> Column:
    """1 for a tip about a task."""
    return candidates.is_task


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0, high=1)
def is_none(candidates: CandidateArrays) -> Column:
    """1 for showing nothing."""
    return candidates.is_none


@feature(group="candidate", dtype="int", source="call", freshness="the call", fallback=0, low=0)
def place(candidates: CandidateArrays) -> Column:
    """Place in the order in which the recommender sent the candidates, from 0."""
    return candidates.index


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=1, low=1, high=4)
def priority(candidates: CandidateArrays) -> Column:
    """Todoist's priority; 4 is the most urgent."""
    return candidates.task.priority


@feature(group="candidate", source="todoist", freshness="the call", fallback=366.0, low=-366, high=366)
def days_until_due(candidates: CandidateArrays) -> Column:
    """Calendar days in the user's zone until the task is due; negative when overdue, 366 without a due date."""
    return _clip(candidates.task.due_day - candidates.today, -YEAR_OF_DAYS, YEAR_OF_DAYS)


@feature(group="candidate", source="todoist", freshness="the call", fallback=48.0, low=-48, high=48)
def hours_until_due(candidates: CandidateArrays) -> Column:
    """Hours until the due time, within two days either way; 48 when only a day, or nothing, is given."""
    return _clip((candidates.task.due_us - candidates.now_us) / HOUR_US, -48.0, 48.0)


@feature(group="candidate", source="todoist", freshness="the call", fallback=0.0, low=0, high=366)
def age_days(candidates: CandidateArrays) -> Column:
    """Days since the task was made, up to a year."""
    return _clip((candidates.now_us - candidates.task.created_us) / DAY_US, 0.0, YEAR_OF_DAYS)


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0, high=1)
def is_recurring(candidates: CandidateArrays) -> Column:
    """1 for a task that comes back."""
    return candidates.task.is_recurring


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0)
def labels(candidates: CandidateArrays) -> Column:
    """How many labels the task has."""
    return candidates.task.labels


@feature(group="candidate", dtype="int", source="todoist", freshness="the call", fallback=0, low=0)
def content_length(candidates: CandidateArrays) -> Column:
    """Characters in the task's title; the title itself is never looked at."""
    return candidates.task.content_length


def _clip(column: Column, low: float, high: float) -> Column:
    """Return the column within bounds, like `numpy.clip` at a fifth of its cost for a few candidates."""
    return np.minimum(np.maximum(column, low), high)


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
