"""This module defines the forms in which a task is read: as Todoist's APIs document it, as its SDK sends it, or odd."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, Field, PlainSerializer
from pydantic.alias_generators import to_snake

from oo_contracts.limits import MAX_CONTENT_LENGTH, MAX_LABEL_LENGTH, MAX_LABELS, MAX_NAME_LENGTH, MAX_TEXT_LENGTH
from oo_contracts.task import Due, Task
from oo_contracts.task_field import TaskFault
from oo_contracts.wire import Name

__all__ = ["CAMEL_CASE_NAMES", "Content", "Description", "Labels", "LenientTask", "SdkTask", "StrictTask"]

CAMEL_CASE = ("addedAt", "createdAt", "isCompleted", "completedAt", "isDeleted", "childOrder", "parentId", "projectId")
CAMEL_CASE_NAMES = frozenset(CAMEL_CASE)
SNAKE_CASE = tuple(to_snake(name) for name in CAMEL_CASE)

Content = Annotated[str, Field(max_length=MAX_CONTENT_LENGTH)]
Description = Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
Label = Annotated[str, Field(max_length=MAX_LABEL_LENGTH)]
Labels = Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS, fail_fast=True)]
OtherShape = Literal["a field of another shape"]  # whatever is sent under its name, it is not this
Created = Annotated[datetime, PlainSerializer(lambda instant: instant)]  # may be absent, but not null
NEVER: Any = None


class StrictDue(Due):
    """A due date in the form that both APIs document."""

    timezone: Annotated[str, Field(max_length=MAX_NAME_LENGTH)] | None = None
    camel_case: OtherShape = Field(NEVER, exclude=True, validation_alias="isRecurring")


class SdkDue(Due):
    """A due date in the camelCase of Todoist's TypeScript SDK."""

    timezone: Annotated[str, Field(max_length=MAX_NAME_LENGTH)] | None = None
    is_recurring: bool = Field(default=False, validation_alias="isRecurring")
    snake_case: OtherShape = Field(NEVER, exclude=True, validation_alias="is_recurring")


class OpenTask(Task):
    """The base of the documented forms of an open task, which refuse whatever is odd or over a limit."""

    faults: ClassVar[tuple[TaskFault, ...]] = ()

    id: Name
    content: Content = ""
    description: Description | None = ""
    labels: Labels = ()
    completed: Literal[False] = False
    checked: Literal[False] = False


class StrictTask(OpenTask):
    """An open task in the documented form of REST v2 or API v1."""

    project_id: Name | None = None
    parent_id: Name | None = None
    due: StrictDue | None = None
    created_at: Created = Field(NEVER, validation_alias=AliasChoices("created_at", "added_at"))
    is_completed: Literal[False] = False
    is_deleted: Literal[False] = False
    completed_at: None = None
    camel_case: OtherShape = Field(NEVER, exclude=True, validation_alias=AliasChoices(*CAMEL_CASE))


class SdkTask(OpenTask):
    """An open task of Todoist's TypeScript SDK."""

    project_id: Name | None = Field(None, validation_alias="projectId")
    parent_id: Name | None = Field(None, validation_alias="parentId")
    due: SdkDue | None = None
    created_at: Created = Field(NEVER, validation_alias=AliasChoices("createdAt", "addedAt"))
    order: int = Field(0, validation_alias=AliasChoices("order", "childOrder"))
    is_completed: Literal[False] = Field(default=False, validation_alias="isCompleted")
    is_deleted: Literal[False] = Field(default=False, validation_alias="isDeleted")
    completed_at: None = Field(None, validation_alias="completedAt")
    snake_case: OtherShape = Field(NEVER, exclude=True, validation_alias=AliasChoices(*SNAKE_CASE))


class LenientTask(Task):
    """A task that was read field by field; only `oo_contracts.todoist` makes one."""

    id: str
    project_id: str | None = None
    parent_id: str | None = None
    faults: tuple[TaskFault, ...] = ()
