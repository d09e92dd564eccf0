"""This module names each field of a Todoist task, how clients spell it, and what it is without a usable value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

__all__ = [
    "COMPLETED",
    "COMPLETED_AT",
    "CONTENT",
    "CREATED_AT",
    "DESCRIPTION",
    "DUE",
    "IS_DELETED",
    "IS_RECURRING",
    "LABELS",
    "ORDER",
    "PARENT_ID",
    "PRIORITY",
    "PROJECT_ID",
    "UNUSABLE",
    "WHEN",
    "FaultReason",
    "OverLimit",
    "RawTask",
    "TaskFault",
    "TaskField",
]

FaultReason = Literal["missing", "null", "invalid", "out_of_range"]
RawTask = Mapping[str, Any]
UNUSABLE = object()  # a value that no field can have, in place of one that cannot be used
ABSENT = object()


class OverLimit(Exception):
    """A text or a list is longer than any call may have. Todoist sends none such, and so the call is refused."""

    def __init__(self, field: str, limit: int) -> None:
        super().__init__(f"is longer than {limit}")
        self.field = field


class TaskFault(NamedTuple):
    """A field of a task that could not be used, by our name for it, and why."""

    field: str
    reason: FaultReason


class TaskField(NamedTuple):
    """One of our fields, how clients spell it, and the default that it has without a value.

    `null` and `absent` are the reasons with which a null or an absent field is reported; they are None where Todoist
    documents that the field may be null or absent.
    """

    name: str
    spellings: tuple[str, ...]
    default: Any = None
    null: FaultReason | None = None
    absent: FaultReason | None = None

    def read(self, sent: RawTask, faults: list[TaskFault]) -> Any:
        """Return the value of the first usable spelling, or the default, and add a fault for each unusable value."""
        reason = self.absent
        for spelling in self.spellings:
            value = sent.get(spelling, ABSENT)
            if value is ABSENT:
                continue
            if value is None:
                reason = self.null
            elif value is UNUSABLE:
                faults.append(TaskFault(self.name, "invalid"))
                reason = None
            else:
                return value
        if reason is not None:
            faults.append(TaskFault(self.name, reason))
        return self.default


CONTENT = TaskField("content", ("content",), "", null="null")
DESCRIPTION = TaskField("description", ("description",), "")
PRIORITY = TaskField("priority", ("priority",), 1, null="null")
LABELS = TaskField("labels", ("labels",), (), null="null")
PROJECT_ID = TaskField("project_id", ("project_id", "projectId"))
PARENT_ID = TaskField("parent_id", ("parent_id", "parentId"))
DUE = TaskField("due", ("due",))
CREATED_AT = TaskField("created_at", ("created_at", "added_at", "createdAt", "addedAt"))
ORDER = TaskField("order", ("order", "child_order", "childOrder"), 0, null="null")
WHEN = TaskField("due.date", ("datetime", "date", "when"), null="null", absent="missing")
IS_RECURRING = TaskField("due.is_recurring", ("is_recurring", "isRecurring"), default=False, null="null")
COMPLETED = TaskField("completed", ("is_completed", "checked", "isCompleted", "completed"), null="null")
IS_DELETED = TaskField("is_deleted", ("is_deleted", "isDeleted"), null="null")
COMPLETED_AT = TaskField("completed_at", ("completed_at", "completedAt"))
