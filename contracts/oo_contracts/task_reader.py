"""This module reads each field of a Todoist task by itself, so that an odd field costs only that field's value.

pydantic's core reads every spelling of every field in one pass, and puts UNUSABLE where it cannot. Then each field's
spellings become one value, or a default and a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oo_contracts.limits import MAX_CONTENT_LENGTH, MAX_LABEL_LENGTH, MAX_LABELS, MAX_TEXT_LENGTH
from oo_contracts.task_field import (
    COMPLETED,
    COMPLETED_AT,
    CONTENT,
    CREATED_AT,
    DESCRIPTION,
    DUE,
    IS_DELETED,
    IS_RECURRING,
    LABELS,
    ORDER,
    PARENT_ID,
    PRIORITY,
    PROJECT_ID,
    UNUSABLE,
    WHEN,
    OverLimit,
    RawTask,
    TaskFault,
    TaskField,
)
from oo_contracts.task_validator import FIELDS_VALIDATOR

__all__ = ["read_task"]

PRIORITIES = range(1, 5)


def read_task(sent: RawTask, faults: list[TaskFault]) -> dict[str, Any]:
    """Return every field of a task but its id, by our names. A deleted task counts as completed.

    Raises:
        OverLimit: a text or the list of labels is too long.
    """
    read = FIELDS_VALIDATOR.validate_python(sent)
    return {
        "content": _limited(CONTENT, MAX_CONTENT_LENGTH, read, faults),
        "description": _limited(DESCRIPTION, MAX_TEXT_LENGTH, read, faults),
        "priority": _priority(read, faults),
        "labels": _labels(read, faults),
        "project_id": PROJECT_ID.read(read, faults),
        "parent_id": PARENT_ID.read(read, faults),
        "due": _due(read, faults),
        "created_at": CREATED_AT.read(read, faults),
        "order": ORDER.read(read, faults),
        "completed": _is_over(read, faults),
    }


def _limited(field: TaskField, limit: int, sent: RawTask, faults: list[TaskFault]) -> str:
    text: str = field.read(sent, faults)
    if len(text) > limit:
        raise OverLimit(field.name, limit)
    return text


def _priority(sent: RawTask, faults: list[TaskFault]) -> int:
    priority: int = PRIORITY.read(sent, faults)
    if priority in PRIORITIES:
        return priority
    faults.append(TaskFault(PRIORITY.name, "out_of_range"))
    return 1


def _labels(sent: RawTask, faults: list[TaskFault]) -> tuple[str, ...]:
    """Return the usable labels. Numbers become text; whatever else is not text is left out and reported."""
    read: Sequence[Any] = LABELS.read(sent, faults)
    if len(read) > MAX_LABELS:
        raise OverLimit(LABELS.name, MAX_LABELS)
    labels = tuple(label for label in read if label is not UNUSABLE)
    if any(len(label) > MAX_LABEL_LENGTH for label in labels):
        raise OverLimit(LABELS.name, MAX_LABEL_LENGTH)
    if len(labels) < len(read):
        faults.append(TaskFault(LABELS.name, "invalid"))
    return labels


def _due(sent: RawTask, faults: list[TaskFault]) -> dict[str, Any] | None:
    """Return the due date's fields, or None when it has no date that can be read."""
    due = DUE.read(sent, faults)
    if due is None:
        return None
    when, is_recurring = WHEN.read(due, faults), IS_RECURRING.read(due, faults)
    return None if when is None else {"when": when, "is_recurring": is_recurring}


def _is_over(sent: RawTask, faults: list[TaskFault]) -> bool:
    """Whether any of several flags says that the task was completed or deleted: it is no open candidate then."""
    marked = _is_marked(COMPLETED, sent, faults)
    return _is_marked(IS_DELETED, sent, faults) or COMPLETED_AT.read(sent, faults) is not None or marked


def _is_marked(mark: TaskField, sent: RawTask, faults: list[TaskFault]) -> bool:
    """Whether any spelling of a flag is True. A null beside a boolean is no fault; an unusable value always is."""
    values = [sent[spelling] for spelling in mark.spellings if spelling in sent]
    if UNUSABLE in values:
        faults.append(TaskFault(mark.name, "invalid"))
    elif values and not any(isinstance(value, bool) for value in values):
        faults.append(TaskFault(mark.name, "null"))
    return True in values
