"""This module defines what everything that crosses an HTTP wire has in common: names, and strict models."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from oo_contracts.limits import MAX_NAME_LENGTH

__all__ = [
    "INVISIBLE",
    "MAX_NAME_LENGTH",
    "MUST_BE_VISIBLE",
    "VISIBLE",
    "Name",
    "TextOrNumber",
    "Visible",
    "Wire",
    "columns_digest",
    "is_name",
    "is_visible",
]

# Controls, line ends, turns of direction, and what stands where a character was broken.
INVISIBLE = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff\ufffd"
VISIBLE = f"^[^{INVISIBLE}]*[^\\s{INVISIBLE}][^{INVISIBLE}]*$"  # ECMA 262, Rust's regex and Python's read it alike
MUST_BE_VISIBLE = "must be visible characters: no line breaks, no control characters, not only spaces"
_matches = re.compile(VISIBLE).fullmatch


def is_visible(text: str) -> bool:
    """Whether a text can be in a header, a log line and a database column, and be seen there.

    >>> is_visible("Ärger, 3rd 任务"), is_visible("a\\r\\nb"), is_visible("\\x00"), is_visible(" ")
    (True, False, False, False)
    """
    return _matches(text) is not None


def is_name(text: str) -> bool:
    """Whether a text is an id, for texts that pydantic does not check: in a header, or in another protocol."""
    return len(text) <= MAX_NAME_LENGTH and is_visible(text)


@dataclass(frozen=True, slots=True)
class Visible:
    """The annotation of a text that must be visible; checked without leaving pydantic's core."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pattern = core_schema.str_schema(pattern=VISIBLE)
        visible = core_schema.custom_error_schema(pattern, "not_visible", custom_error_message=MUST_BE_VISIBLE)
        return core_schema.chain_schema([handler(source), visible])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": VISIBLE}


@dataclass(frozen=True, slots=True)
class TextOrNumber:
    """The annotation of an id that may be sent as a whole number of 64 bits: it means its decimal text."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.int_schema(strict=True, ge=-(2**63), lt=2**64)
        either = core_schema.union_schema(
            [core_schema.str_schema(), core_schema.no_info_after_validator_function(str, number)],
            mode="left_to_right",
            custom_error_type="no_id",
            custom_error_message="Input should be text or a whole number",
        )
        return core_schema.chain_schema([either, handler(source)])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        text: Any = schema["steps"][-1]  # the chain made above
        return {**handler(text), "type": ["string", "integer"]}


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH), Visible(), TextOrNumber()]


class Wire(BaseModel):
    """The base of what crosses the wire: it is frozen, a misspelt field is an error, and every number is finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )


def columns_digest(names: Sequence[str]) -> str:
    """Return a digest of the names of a row's numbers in their order.

    Transformer and predictor compare their rows by it.

    >>> columns_digest(["a", "b"]) == columns_digest(["b", "a"])
    False
    """
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
