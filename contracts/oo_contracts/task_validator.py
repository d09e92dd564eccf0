"""This module is the one pass of pydantic's core over all spellings of a task's fields, where UNUSABLE marks faults."""

from __future__ import annotations

import re
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import CoreSchema, SchemaValidator
from pydantic_core import core_schema as core

from oo_contracts.limits import MAX_LABEL_LENGTH
from oo_contracts.task import DayOrTime
from oo_contracts.task_field import (
    COMPLETED,
    COMPLETED_AT,
    CREATED_AT,
    IS_DELETED,
    IS_RECURRING,
    ORDER,
    PARENT_ID,
    PROJECT_ID,
    UNUSABLE,
    WHEN,
    TaskField,
)
from oo_contracts.wire import Name

__all__ = ["FIELDS_VALIDATOR"]

UNTIDY_DATE = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt\s]\s*(\d{1,2}):(\d{2})(.*))?\s*", re.DOTALL)


def _tidy(value: Any) -> Any:
    """Return a date as ISO 8601 wants it: two digits for each part, and capital letters."""
    match = UNTIDY_DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    year, month, day, hour, minute, rest = match.groups()
    iso_day = f"{year}-{month:0>2}-{day:0>2}"
    return iso_day if hour is None else f"{iso_day}T{hour:0>2}:{minute}{''.join(rest.split()).upper()}"


def _or_unusable(schema: CoreSchema) -> CoreSchema:
    return core.with_default_schema(schema, default=UNUSABLE, on_error="default")


def _fields(**kinds: CoreSchema) -> CoreSchema:
    """Return the schema of an object of which every field may be absent, null or unusable."""
    fields = {name: core.typed_dict_field(core.nullable_schema(_or_unusable(kind))) for name, kind in kinds.items()}
    return core.typed_dict_schema(fields, total=False)


def _either(*kinds: CoreSchema) -> CoreSchema:
    return core.union_schema(list(kinds), mode="left_to_right")


def _spelt(field: TaskField, kind: CoreSchema) -> dict[str, CoreSchema]:
    return dict.fromkeys(field.spellings, kind)


def _number(kind: CoreSchema) -> CoreSchema:
    """Return the schema of a number or of text that is one: `"4"` and `4.0` are 4, but a boolean is no number."""
    numbers = (core.int_schema(strict=True), core.float_schema(strict=True), core.str_schema(strict=True))
    return _either(*(core.chain_schema([number, kind]) for number in numbers))


def _validator() -> SchemaValidator:
    text, number, boolean = core.str_schema(strict=True), _number(core.int_schema()), core.bool_schema()
    name, day_or_time = TypeAdapter(Name).core_schema, TypeAdapter(DayOrTime).core_schema
    stamp = core.no_info_before_validator_function(_tidy, _number(core.datetime_schema()))
    due = _fields(
        **_spelt(WHEN, core.no_info_before_validator_function(_tidy, day_or_time)), **_spelt(IS_RECURRING, boolean)
    )
    number_as_text = core.str_schema(coerce_numbers_to_str=True, max_length=MAX_LABEL_LENGTH)
    label = _or_unusable(_either(text, number_as_text))
    not_empty = core.str_schema(strict=True, pattern=r"\S")
    return SchemaValidator(
        _fields(
            content=text,
            description=text,
            priority=number,
            labels=core.list_schema(label),
            due=due,
            **_spelt(PROJECT_ID, name),
            **_spelt(PARENT_ID, name),
            **_spelt(CREATED_AT, stamp),
            **_spelt(ORDER, number),
            **_spelt(COMPLETED, boolean),
            **_spelt(IS_DELETED, boolean),
            **_spelt(COMPLETED_AT, _either(not_empty, core.float_schema(strict=True, gt=0))),
        )
    )


FIELDS_VALIDATOR = _validator()
