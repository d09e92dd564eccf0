"""This module reads and checks one call for predictions, whatever the protocol; `Predictor` answers it.

InferenceError
├── NotJson         the body cannot be read at all
├── InvalidField    a field is wrong; `pointer` says which
├── Conflict        the rows were computed by another feature set
└── TooLate         nobody waits for the answer any more
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import orjson
from oo_contracts.wire import MAX_NAME_LENGTH, is_name

from oo_predictors.served_model import Rows

__all__ = [
    "ORIGIN",
    "Caller",
    "Conflict",
    "InferenceError",
    "InferenceRequest",
    "InvalidField",
    "ModelShape",
    "NotJson",
    "Role",
    "TooLate",
    "finite",
    "from_numbers",
    "read_v1",
    "read_v2",
]

Role = Literal["live", "shadow"]
NUMBERS = frozenset({int, float})
DATATYPES = ("FP32", "FP64")
ORIGIN = ("feature_set", "columns")  # parameters of a call that say what computed its rows


class InferenceError(Exception):
    """The base of the errors of a call that gets no values; `kind` is the label of the metric that counts them."""

    kind: ClassVar[str]


class NotJson(InferenceError):
    """The body cannot be read at all."""

    kind = "NotJson"


class InvalidField(InferenceError):
    """One field is wrong; `pointer` is its RFC 6901 JSON pointer."""

    kind = "Invalid"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


class Conflict(InferenceError):
    """The call names another feature set than the model's, or its columns in another order; `pointer` says which."""

    kind = "Conflict"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


class TooLate(InferenceError):
    """The call is a mirrored copy, and its original has had to be answered by now."""

    kind = "TooLate"


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of one request: its role, the request id of its headers, and the deadline of its answer.

    The deadline is in Unix seconds, and finite for mirrored copies alone.
    """

    role: Role = "live"
    request_id: str | None = None
    deadline: float = math.inf


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """The checked rows of one call; `feature_set` and `columns` say what computed them, where the caller says so."""

    rows: Rows
    id: str | None = None
    feature_set: str | None = None
    columns: str | None = None


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The rows that a model takes: their width, and how many one call may have."""

    width: int
    max_rows: int


def read_v1(body: bytes, shape: ModelShape) -> InferenceRequest:
    """Return the call of a V1 body, `{"instances": [[…], …]}`.

    Raises:
        NotJson, InvalidField: the body is not such a call.
    """
    instances = _object(body).get("instances")
    if not isinstance(instances, list):
        raise InvalidField("/instances", "a list of rows is required")
    return InferenceRequest(from_numbers(_flat(instances, "/instances"), len(instances), "/instances", shape))


def read_v2(body: bytes, shape: ModelShape) -> InferenceRequest:
    """Return the call of a body in the Open Inference Protocol's JSON, one FP32 tensor `[n, d]`, flat or nested.

    Raises:
        NotJson, InvalidField: the body is not such a call.
    """
    payload = _object(body)
    inputs = payload.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise InvalidField("/inputs", "exactly one input is required")
    tensor = inputs[0]
    if tensor.get("datatype") not in DATATYPES:
        raise InvalidField("/inputs/0/datatype", "must be FP32 or FP64")
    count = _count(tensor.get("shape"), shape)
    data = tensor.get("data")
    if not isinstance(data, list):
        raise InvalidField("/inputs/0/data", "a list of numbers is required")
    flat = _flat(data, "/inputs/0/data") if data and isinstance(data[0], list) else data
    return InferenceRequest(from_numbers(flat, count, "/inputs/0/data", shape), _id(payload), **_origin(payload))


def from_numbers(flat: list[Any], count: int, pointer: str, shape: ModelShape) -> Rows:
    """Return the rows, shape (count, width), of float32 numbers that are all finite.

    Raises:
        InvalidField: there are too many or too few numbers, or something that is not one.
    """
    if not 1 <= count <= shape.max_rows:
        raise InvalidField(pointer, f"1 to {shape.max_rows} rows are taken, not {count}")
    if len(flat) != count * shape.width:
        raise InvalidField(pointer, f"{count} rows of {shape.width} numbers are {count * shape.width}, not {len(flat)}")
    if not set(map(type, flat)) <= NUMBERS:  # true, "1" and null are no numbers
        raise InvalidField(pointer, "only numbers are taken")
    with np.errstate(over="ignore"):
        rows = np.array(flat, dtype=np.float64).astype(np.float32).reshape(count, shape.width)
    return finite(rows, pointer)


def finite(rows: Rows, pointer: str) -> Rows:
    """Return the rows.

    Raises:
        InvalidField: a number is not finite.
    """
    if not np.isfinite(rows).all():
        raise InvalidField(pointer, "every number must be finite as a float32")
    return rows


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotJson("the body is not JSON") from None
    if not isinstance(payload, dict):
        raise InvalidField("", "an object is required")
    return payload


def _flat(rows: list[Any], pointer: str) -> list[Any]:
    if not all(isinstance(row, list) for row in rows):
        raise InvalidField(pointer, "every row must be a list of numbers")
    if len({len(row) for row in rows}) > 1:
        raise InvalidField(pointer, "all rows must have the same length")
    return [number for row in rows for number in row]


def _count(value: Any, shape: ModelShape) -> int:
    if not isinstance(value, list) or len(value) != 2 or not all(type(item) is int for item in value):
        raise InvalidField("/inputs/0/shape", f"must be [rows, {shape.width}]")
    if value[1] != shape.width:
        raise InvalidField("/inputs/0/shape", f"this model takes {shape.width} features, not {value[1]}")
    return int(value[0])


def _id(body: Mapping[str, Any]) -> str | None:
    stated_id = body.get("id")
    if stated_id is not None and not (isinstance(stated_id, str) and is_name(stated_id)):
        raise InvalidField("/id", f"must be a text of 1 to {MAX_NAME_LENGTH} visible characters")
    return stated_id


def _origin(body: Mapping[str, Any]) -> dict[str, str | None]:
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidField("/parameters", "an object is required")
    origin = {name: parameters.get(name) for name in ORIGIN}
    for name, value in origin.items():
        if value is not None and not isinstance(value, str):
            raise InvalidField(f"/parameters/{name}", "must be a text")
    return origin
