"""This module reads KServe's two inference protocols, which carry whole bodies and replies of `/score`.

V1: `{"instances": [<body of /score>, …]}` gives `{"predictions": [<reply of /score>, …]}`. V2: one BYTES input, each
element the JSON of a `/score` body, gives one BYTES output of replies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import prod
from typing import Annotated, Any, Literal, Self

import orjson
from oo_contracts.limits import MAX_CALL_ITEMS, MAX_INSTANCES
from oo_contracts.score import ScoreRequest
from oo_contracts.todoist import read_in_chunks
from oo_contracts.wire import Name
from oo_serving.body import replace_lone_surrogates
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

__all__ = ["V1Request", "V2Request", "v1_response", "v2_response"]

JSON: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
MAX_DIMENSIONS = 8
Replies = list[dict[str, Any]]


class _Envelope(BaseModel):
    """The base of a protocol's envelope; what it says beside the bodies, like which outputs are wanted, is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _limit_call_work(bodies: tuple[ScoreRequest, ...]) -> tuple[ScoreRequest, ...]:
    """Refuse bodies that together are more work than one call may be."""
    items = sum(len(body.tasks) + len(body.candidates or ()) for body in bodies)
    if items > MAX_CALL_ITEMS:
        detail = "has {items} tasks and candidates in all; {most} are taken"
        raise PydanticCustomError("too_much_work", detail, {"items": items, "most": MAX_CALL_ITEMS})
    return bodies


class PlainCall(dict[str, Any]):
    """The plain JSON of a text in a tensor, where the text was parsed already."""


def _parse_text_body(sent: Any) -> Any:
    """Return the plain JSON of one text.

    Its lone halves of surrogate pairs are replaced, as those of a whole body are.
    """
    if isinstance(sent, PlainCall):
        return dict(sent)
    if not isinstance(sent, str):
        raise PydanticCustomError("string_type", "Input should be a text")
    return JSON.validate_json(replace_lone_surrogates(sent.encode()))


CALL_LIMITS = (Field(max_length=MAX_INSTANCES, fail_fast=True), AfterValidator(_limit_call_work))


class V1Request(_Envelope):
    """A call of V1, with one `/score` body for each instance."""

    instances: Annotated[tuple[ScoreRequest, ...], *CALL_LIMITS]


class BytesTensor(_Envelope):
    """A tensor of texts, each the JSON of a `/score` body."""

    name: str
    shape: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=MAX_DIMENSIONS, fail_fast=True)]
    datatype: Literal["BYTES"]
    data: Annotated[tuple[Annotated[ScoreRequest, BeforeValidator(_parse_text_body)], ...], *CALL_LIMITS]

    @model_validator(mode="after")
    def _of_its_shape(self) -> Self:
        if prod(self.shape) != len(self.data):
            raise PydanticCustomError("wrong_shape", "has data that does not fill its shape")
        return self


class V2Request(_Envelope):
    """A call of V2, with one tensor of `/score` bodies."""

    id: Name | None = None
    inputs: Annotated[tuple[BytesTensor, ...], Field(min_length=1, max_length=1, fail_fast=True)]


def v1_chunks(plain: Any) -> Iterator[None]:
    """Read the tasks of all instances in place, some of them between two yields."""
    instances = plain.get("instances") if isinstance(plain, dict) else None
    for call in instances[: MAX_INSTANCES + 1] if isinstance(instances, list) else ():
        yield from read_in_chunks(call)


def v2_chunks(plain: Any) -> Iterator[None]:
    """Read the texts of the tensor and their tasks in place, some of them between two yields.

    A text that is wrong stays as it is: its error is reported when the whole call is validated.
    """
    match plain:
        case {"inputs": [{"data": list(data)}]}:
            # One text more than a call may have is enough: validation stops there and refuses the call.
            for index, text in enumerate(data[: MAX_INSTANCES + 1]):
                with suppress(ValidationError):
                    data[index] = PlainCall(_parse_text_body(text)) if isinstance(text, str) else text
                yield
                yield from read_in_chunks(data[index])


def v1_response(replies: Replies) -> bytes:
    """Return the V1 body of these replies."""
    return orjson.dumps({"predictions": replies})


def v2_response(model: str, request_id: str, replies: Replies) -> bytes:
    """Return the V2 body of these replies."""
    data = [orjson.dumps(reply).decode() for reply in replies]
    output = {"name": "replies", "shape": [len(data)], "datatype": "BYTES", "data": data}
    return orjson.dumps({"model_name": model, "id": request_id, "outputs": [output]})
