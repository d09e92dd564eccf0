"""This module declares the fields of a body of `/score` for the quick decoder, as Todoist documents them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from oo_contracts.limits import (
    MAX_CANDIDATES,
    MAX_CONTENT_LENGTH,
    MAX_LABEL_LENGTH,
    MAX_LABELS,
    MAX_NAME_LENGTH,
    MAX_PROFILE_KEYS,
    MAX_TASKS,
    MAX_TEXT_LENGTH,
)

__all__ = ["CandidateFields", "DueFields", "ScoreFields", "TaskFields"]

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
Absent = Literal["a field of another shape"] | UnsetType  # whatever is sent under its name, it is not this


class DueFields(Struct, gc=False):
    """A due date as both APIs send it."""

    date: str | UnsetType | None = UNSET
    datetime: str | UnsetType | None = UNSET
    when: str | UnsetType | None = UNSET
    timezone: Annotated[str, Meta(max_length=MAX_NAME_LENGTH)] | None = None
    is_recurring: bool = False
    isRecurring: Absent = UNSET  # noqa: N815  # the SDK's name


class TaskFields(Struct, gc=False):
    """A task as REST v2 or API v1 sends it; the camelCase of Todoist's SDK is pydantic's."""

    id: Name
    content: Annotated[str, Meta(max_length=MAX_CONTENT_LENGTH)] = ""
    description: Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)] | None = ""
    priority: Annotated[int, Meta(ge=1, le=4)] = 1
    labels: Annotated[tuple[Annotated[str, Meta(max_length=MAX_LABEL_LENGTH)], ...], Meta(max_length=MAX_LABELS)] = ()
    project_id: Name | None = None
    parent_id: Name | None = None
    due: DueFields | None = None
    created_at: datetime | UnsetType = UNSET
    added_at: datetime | UnsetType = UNSET
    order: int = 0
    child_order: int = 0
    is_completed: bool = False
    checked: bool = False
    completed: bool = False
    is_deleted: bool = False
    completed_at: None = None
    addedAt: Absent = UNSET  # noqa: N815
    createdAt: Absent = UNSET  # noqa: N815
    isCompleted: Absent = UNSET  # noqa: N815
    completedAt: Absent = UNSET  # noqa: N815
    isDeleted: Absent = UNSET  # noqa: N815
    childOrder: Absent = UNSET  # noqa: N815
    parentId: Absent = UNSET  # noqa: N815
    projectId: Absent = UNSET  # noqa: N815


class CandidateFields(Struct, gc=False, forbid_unknown_fields=True):
    """A candidate as the contract has it."""

    id: Name
    kind: Literal["task", "tip", "none"] = "task"
    task_id: Name | None = None
    prompt_version: Name | None = None
    eligible: bool = True


class ScoreFields(Struct, gc=False, forbid_unknown_fields=True):
    """A body of `/score`."""

    user_id: Name
    request_id: Name | None = None
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] | None = "UTC"
    tasks: Annotated[list[TaskFields], Meta(max_length=MAX_TASKS)] = []
    candidates: Annotated[list[CandidateFields], Meta(max_length=MAX_CANDIDATES)] | None = None
    baseline: Name | None = None
    profile_features: Annotated[dict[str, Any], Meta(max_length=MAX_PROFILE_KEYS)] | None = None
    profile_computed_at: msgspec.Raw | UnsetType = UNSET
