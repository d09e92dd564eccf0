"""This module defines what all events have in common: an id, the reading of stored ones, and no contradiction."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from oo_contracts.wire import MAX_NAME_LENGTH, MUST_BE_VISIBLE, VISIBLE, TextOrNumber, is_visible

__all__ = ["STORED_CONTEXT", "Event", "EventName", "Fact"]

STORED_CONTEXT = "stored"  # the context of a validation: the event was accepted by the rules of its day


def _visible(text: str, info: ValidationInfo) -> str:
    if info.context != STORED_CONTEXT and not is_visible(text):
        raise PydanticCustomError("not_visible", MUST_BE_VISIBLE)
    return text


# `oo_contracts.wire.Name`, but events that are stored already may have been accepted when the rules were laxer.
EventName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_LENGTH, json_schema_extra={"pattern": VISIBLE}),
    AfterValidator(_visible),
    TextOrNumber(),
]


class Fact(BaseModel):
    """The base of everything that an event holds.

    Unknown fields are ignored, since a producer may be newer than the reader.

    Only a shipped profile can hold a NaN; it is written as text, for a null would replay as a value that was missing.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, ser_json_inf_nan="strings")


class Event(Fact):
    """The base of every event: a frozen record with an id that its producer made."""

    event_id: EventName

    @classmethod
    def read(cls, data: str | bytes) -> Self:
        """Return an event as it was published, in any version that is known.

        Raises:
            pydantic.ValidationError: it is not an event of this type.
        """
        return cls._parse(data, None)

    @classmethod
    def read_stored(cls, data: str | bytes) -> Self:
        """Return an event from a store or a log, which accepted it by the rules of its day.

        Raises:
            pydantic.ValidationError: it is not an event of this type.
        """
        return cls._parse(data, STORED_CONTEXT)

    @classmethod
    def _parse(cls, data: str | bytes, context: str | None) -> Self:
        return cls.model_validate_json(data, context=context)

    def encode(self) -> bytes:
        """Return the event as it is published and stored: JSON in UTF-8.

        Raises:
            ValueError: a text in it is no Unicode.
        """
        return self.model_dump_json().encode()

    def contradiction(self) -> str | None:
        """Return the first part that does not agree with the rest, or None.

        An event that is stored already may have a contradiction; a new one with any is refused.
        """
        return None

    @model_validator(mode="after")
    def _agrees(self, info: ValidationInfo) -> Self:
        if info.context != STORED_CONTEXT and (why := self.contradiction()):
            raise PydanticCustomError("contradiction", "{why}", {"why": why})
        return self
