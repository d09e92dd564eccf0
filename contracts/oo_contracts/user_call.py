"""This module defines what every call about a user has, and how its reply names what could not be used of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import (
    AfterValidator,
    AllowInfNan,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationInfo,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from oo_contracts.limits import MAX_PROFILE_KEYS, MAX_TASK_FALLBACKS, MAX_TASKS
from oo_contracts.task_field import TaskFault
from oo_contracts.todoist import TodoistTask, accepted_tasks
from oo_contracts.wire import Name, Wire
from oo_contracts.zones import UnknownZone, iana_zone

__all__ = ["CallFallback", "Fallback", "ProfileInstants", "Reason", "UserCall", "task_ids", "unique_ids"]

Reason = Literal["missing", "null", "invalid", "out_of_range", "stale", "unknown", "age_unknown", "age_invalid"]


def _known_zone(name: str) -> str:
    try:
        return iana_zone(name)
    except UnknownZone:
        raise PydanticCustomError(
            "unknown_zone",
            "not a time zone: send an IANA name like Europe/Berlin, a Windows name, or an offset like UTC+03:00",
        ) from None


Zone = Annotated[
    str,
    Field(min_length=1, max_length=64),
    AfterValidator(_known_zone),
    BeforeValidator(lambda name: "UTC" if name is None else name),
]


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str:
        """Its id."""


T = TypeVar("T", bound=Identified)


def unique_ids(items: tuple[T, ...] | None) -> tuple[T, ...] | None:
    """Return the items, unless two have one id: the reply could not tell them apart.

    Raises:
        PydanticCustomError: two items have one id.
    """
    repeated = [name for name, count in Counter(item.id for item in items or ()).items() if count > 1]
    if repeated:
        raise PydanticCustomError("duplicate_id", "has the id {twice} more than once", {"twice": repeated[0]})
    return items


def _task_fallback(fault: TaskFault, task_id: str, count: int = 1) -> CallFallback:
    return CallFallback(feature=f"task.{fault.field}", reason=fault.reason, task_id=task_id, count=count)


def task_ids(info: ValidationInfo) -> frozenset[str] | None:
    """Return the ids of the call's tasks, or None when the tasks themselves were refused and have their own error."""
    return frozenset(task.id for task in info.data["tasks"]) if "tasks" in info.data else None


class Fallback(Wire):
    """A feature whose declared fallback was used, and why."""

    feature: str = Field(examples=["profile.preferred_hour"])
    reason: Reason


class CallFallback(Fallback):
    """A feature, or a field of a task, whose fallback was used, and why.

    `age_unknown` and `age_invalid` say that the feature was used although nobody knows how old it is.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    feature: str = Field(examples=["profile.preferred_hour", "task.due.date"])
    task_id: str | None = Field(None, description="of the task whose field it is")
    count: int = Field(1, ge=1, description=f"tasks it is said of; more than one after {MAX_TASK_FALLBACKS} entries")


@dataclass(frozen=True, slots=True)
class _OrNone:
    """The annotation of a value that means null when it cannot be read; checked without leaving pydantic's core."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_default_schema(handler(source), default=None, on_error="default")


@dataclass(frozen=True, slots=True)
class _OneError:
    """The annotation of a union whose error is one sentence, whichever of its alternatives failed."""

    message: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(handler(source), "no_instants", custom_error_message=self.message)


# Texts and numbers that are no instant with an offset stay what they are: the call says something, but nothing usable.
ProfileInstants = Annotated[
    AwareDatetime
    | Annotated[dict[str, Annotated[AwareDatetime | None, _OrNone()]], Field(max_length=MAX_PROFILE_KEYS)]
    | SkipJsonSchema[str]
    | SkipJsonSchema[Annotated[float, AllowInfNan(True)]]
    | None,
    Field(union_mode="left_to_right"),
    _OneError(f"Input should be an instant with an offset, or an object of at most {MAX_PROFILE_KEYS} by feature"),
]


class UserCall(Wire):
    """The base of every call about a user."""

    request_id: Name | None = Field(
        None, description="made by us (UUIDv7) when absent; the same id gets the same answer"
    )
    user_id: Name
    timezone: Zone = Field("UTC", description="IANA name; a Windows name or an offset like `UTC+03:00` is understood")
    tasks: Annotated[
        tuple[TodoistTask, ...],
        Field(max_length=MAX_TASKS, fail_fast=True),
        AfterValidator(accepted_tasks),
        AfterValidator(unique_ids),
    ] = Field(
        (),
        description="Todoist task objects, REST v2 or API v1, also in the camelCase of Todoist's TypeScript SDK; "
        "a field that cannot be used means its default, and the reply says so",
    )
    profile_features: Annotated[dict[str, Any], Field(max_length=MAX_PROFILE_KEYS)] | None = Field(
        None, description="name to number or null; what is wrong falls back, and the reply says so"
    )
    profile_computed_at: ProfileInstants = Field(
        None, description="one instant with an offset, or one per feature; the age of a feature without is unknown"
    )

    def task_fallbacks(self) -> tuple[CallFallback, ...]:
        """Return what could not be used of the tasks: an entry for each of the first faults, then one for each kind."""
        faults = [(task.id, fault) for task in self.tasks if task.faults for fault in task.faults]
        beyond: dict[TaskFault, list[str]] = {}
        for task_id, fault in faults[MAX_TASK_FALLBACKS:]:
            beyond.setdefault(fault, []).append(task_id)
        listed = [_task_fallback(fault, task_id) for task_id, fault in faults[:MAX_TASK_FALLBACKS]]
        return (*listed, *(_task_fallback(fault, ids[0], len(ids)) for fault, ids in beyond.items()))
