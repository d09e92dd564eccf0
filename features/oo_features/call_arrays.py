"""This module turns calls into columns: what features read, of one call or of a million calls, as float64 arrays.

A number that is unknown is NaN. Instants are whole microseconds since 1970, which a float64 holds exactly from 1684 to
2255, and days are Python's ordinals: so differences are those of Python's own dates, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from oo_contracts.task import local_time
from oo_contracts.task_columns import CandidateColumns, TaskColumns

from oo_features.feature_context import FeatureContext

__all__ = ["CallArrays", "CandidateArrays", "Column", "TaskArrays", "arrays_of"]

Column = NDArray[np.float64]
Index = NDArray[np.intp]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class TaskArrays:
    """Facts of tasks, each of shape (tasks,); those of a candidate without a task are unknown."""

    priority: Column
    due_day: Column
    due_us: Column
    is_recurring: Column
    created_us: Column
    completed: Column
    labels: Column
    content_length: Column


@dataclass(frozen=True, slots=True)
class CallArrays:
    """What features of the context read: each call's instant, shape (calls,), and the tasks of all calls.

    `call` is the index of each task's call, and `is_open` whether the task is open, both of shape (tasks,).
    """

    hour: Column
    weekday: Column
    today: Column
    now_us: Column
    open_count: Column
    tasks: TaskArrays
    call: Index
    is_open: NDArray[np.bool_]

    def share_of_open(self, marks: NDArray[np.bool_]) -> Column:
        """Return the part of each call's open tasks that are marked; unknown for a call without any."""
        marked = np.bincount(self.call, marks & self.is_open, len(self.hour))
        share = np.full(len(marked), UNKNOWN)
        np.divide(marked, self.open_count, out=share, where=self.open_count > 0)
        return share


@dataclass(frozen=True, slots=True)
class CandidateArrays:
    """What features of candidates read, each of shape (candidates,): the candidate, its task and its call's instant."""

    is_task: Column
    is_none: Column
    index: Column
    task: TaskArrays
    today: Column
    now_us: Column


def arrays_of(
    contexts: Sequence[FeatureContext], candidates: Sequence[CandidateColumns]
) -> tuple[CallArrays, CandidateArrays]:
    """Return the columns of calls and of their candidates, in the order of the calls."""
    facts = np.empty((8, sum(len(context.tasks.ids) for context in contexts) + 1))
    facts[:, -1] = UNKNOWN  # of the task of a candidate without one, whose index is -1
    start, offsets = 0, []
    for context in contexts:
        end = start + len(context.tasks.ids)
        facts[:, start:end] = _facts(context.tasks, context.zone)
        offsets.append(start)
        start = end
    tasks = TaskArrays(*facts[:, :-1])
    call = _indexes([len(context.tasks.ids) for context in contexts])
    is_open = tasks.completed == 0
    open_count = np.bincount(call[is_open], minlength=len(contexts)).astype(np.float64)
    hour, weekday, today, now_us = np.array([_clock(context.now) for context in contexts]).T
    calls = CallArrays(hour, weekday, today, now_us, open_count, tasks, call, is_open)
    return calls, _candidates(calls, facts, offsets, contexts, candidates)


def _candidates(
    calls: CallArrays,
    facts: NDArray[np.float64],
    offsets: Sequence[int],
    contexts: Sequence[FeatureContext],
    candidates: Sequence[CandidateColumns],
) -> CandidateArrays:
    indexes = chain.from_iterable(
        _task_indexes(context.tasks, columns, offset)
        for context, columns, offset in zip(contexts, candidates, offsets, strict=True)
    )
    kinds = list(chain.from_iterable(columns.kinds for columns in candidates))
    counts = [len(columns) for columns in candidates]
    call = _indexes(counts)
    return CandidateArrays(
        np.array([kind == "task" for kind in kinds], np.float64),
        np.array([kind == "none" for kind in kinds], np.float64),
        np.array(list(chain.from_iterable(map(range, counts))), np.float64),
        TaskArrays(*facts[:, np.fromiter(indexes, np.intp, len(kinds))]),
        calls.today[call],
        calls.now_us[call],
    )


def _indexes(counts: Sequence[int]) -> Index:
    """Return the index of each item's call, where each call has so many items."""
    return np.arange(len(counts)).repeat(counts)


def _task_indexes(tasks: TaskColumns, candidates: CandidateColumns, offset: int) -> list[int]:
    """Return the index of each candidate's task among the tasks of all calls, -1 for a candidate without one."""
    places = {name: offset + place for place, name in enumerate(tasks.ids)}
    return [-1 if name is None else places.get(name, -1) for name in candidates.task_ids]


def _facts(tasks: TaskColumns, zone: ZoneInfo) -> list[Sequence[float]]:
    """Return the facts in the order of `TaskArrays`."""
    dues = [_due(due, zone) for due in tasks.due]
    return [
        tasks.priority,
        [day for day, _ in dues],
        [us for _, us in dues],
        tasks.is_recurring,
        [UNKNOWN if at is None else _microseconds(at) for at in tasks.created_at],
        tasks.completed,
        tasks.labels,
        tasks.content_length,
    ]


def _due(due: date | None, zone: ZoneInfo) -> tuple[float, float]:
    """Return the day in the user's zone on which a task is due and, where it has a time, the instant."""
    if due is None:
        return UNKNOWN, UNKNOWN
    if not isinstance(due, datetime):
        return due.toordinal(), UNKNOWN
    at = local_time(due, zone)
    return at.toordinal(), _microseconds(at.astimezone(UTC))


def _microseconds(at: datetime) -> float:
    """Return an instant; one without a zone is taken as UTC: Python refuses to subtract it from an aware one."""
    since: timedelta = (at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _clock(now: datetime) -> tuple[float, float, float, float]:
    return now.hour, now.weekday(), now.toordinal(), _microseconds(now.astimezone(UTC))
