"""This module reads Todoist's tasks as clients send them: REST v2, API v1 (Sync), and the TypeScript SDK's.

pydantic's core alone reads an open task in a documented form. Any other is read field by field: an unusable field means
its default, and is a fault of the task that the reply names. Only `id` is required.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, PlainValidator, TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from oo_contracts.task import Task
from oo_contracts.task_field import OverLimit, TaskFault
from oo_contracts.task_forms import (
    CAMEL_CASE_NAMES,
    Content,
    Description,
    Labels,
    LenientTask,
    SdkTask,
    StrictTask,
)
from oo_contracts.task_reader import read_task
from oo_contracts.wire import Name

__all__ = ["TodoistTask", "accepted_tasks", "read_in_chunks"]

MAX_REPORTED_ERRORS = 20  # refused tasks that one answer names
NAME_ADAPTER = TypeAdapter(Name)
FIELD_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {
    "content": TypeAdapter(Content),
    "description": TypeAdapter(Description),
    "labels": TypeAdapter(Labels),
}


@dataclass(frozen=True, slots=True)
class TaskRefusal:
    """A placeholder for a task without a usable id or over a limit, until `accepted_tasks` refuses the call."""

    location: tuple[str, ...]
    error: PydanticCustomError


def _read(sent: Any) -> SdkTask | LenientTask | TaskRefusal:
    """Read a task that is no StrictTask; it may have been read already (see `read_in_chunks`)."""
    if isinstance(sent, SdkTask | LenientTask | TaskRefusal):
        return sent
    if not isinstance(sent, Mapping):
        return TaskRefusal((), PydanticCustomError("dict_type", "Input should be a task object"))
    if not CAMEL_CASE_NAMES.isdisjoint(sent):
        with suppress(ValidationError):  # then it is odd, and read field by field
            return SdkTask.model_validate(sent)
    return _read_leniently(sent)


def _read_leniently(sent: Mapping[str, Any]) -> LenientTask | TaskRefusal:
    if "id" not in sent:
        return TaskRefusal(("id",), PydanticCustomError("missing", "Field required"))
    try:
        task_id = NAME_ADAPTER.validate_python(sent["id"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        return TaskRefusal(("id",), PydanticCustomError(first["type"], first["msg"]))
    faults: list[TaskFault] = []
    try:
        values = read_task(sent, faults)
    except OverLimit as error:
        return TaskRefusal((error.field,), PydanticCustomError("too_long", str(error)))
    return LenientTask.model_validate({"id": task_id, **values, "faults": tuple(dict.fromkeys(faults))})


def accepted_tasks(tasks: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the tasks, if none was refused.

    Raises:
        pydantic.ValidationError: some were refused; each error names the task's index.
    """
    refused = ((index, item) for index, item in enumerate(tasks) if isinstance(item, TaskRefusal))
    errors = [
        InitErrorDetails(type=item.error, loc=(index, *item.location), input=None)
        for index, item in islice(refused, MAX_REPORTED_ERRORS)
    ]
    if errors:
        raise ValidationError.from_exception_data("tasks", errors)
    return tasks


class _NullableFields:
    """An annotation that publishes the documented form of a task with our limits; each field but the id may be null."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        reference = handler(schema)
        fields = handler.resolve_ref_schema(reference)["properties"]
        for name, field in fields.items():
            annotations = {key: field[key] for key in ("default", "description", "title") if key in field}
            schema_body = (
                FIELD_ADAPTERS[name].json_schema()
                if name in FIELD_ADAPTERS
                else {k: v for k, v in field.items() if k not in annotations}
            )
            fields[name] = annotations | _nullable(schema_body)
        fields["id"] = {"title": "Id", **NAME_ADAPTER.json_schema()}
        return reference


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return schema if "anyOf" in schema else {"anyOf": [schema, {"type": "null"}]}


LENIENT_VALIDATOR = PlainValidator(_read, json_schema_input_type=Annotated[Task, _NullableFields()])
if TYPE_CHECKING:
    TodoistTask = StrictTask | SdkTask | LenientTask
else:
    TodoistTask = Annotated[
        SkipJsonSchema[StrictTask] | Annotated[Any, LENIENT_VALIDATOR], Field(union_mode="left_to_right")
    ]

CHUNK_TASKS = 50  # tasks that are read before others have their turn
TASKS_ADAPTER: TypeAdapter[tuple[Any, ...]] = TypeAdapter(tuple[TodoistTask, ...])


def read_in_chunks(call: Any) -> Iterator[None]:
    """Read the tasks of a call's plain JSON in place, CHUNK_TASKS of them between two yields.

    A task that is read field by field takes fifty times as long as one in the documented form; the caller lets other
    calls run between the chunks. Validating the call afterwards leaves tasks alone that were read already.
    """
    sent = call.get("tasks") if isinstance(call, dict) else None
    tasks: list[Any] = sent if isinstance(sent, list) else []
    for start in range(0, len(tasks), CHUNK_TASKS):
        tasks[start : start + CHUNK_TASKS] = TASKS_ADAPTER.validate_python(tasks[start : start + CHUNK_TASKS])
        yield
