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

from oo_predictors.served_model import Rows

__all__ = [
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
    "flattened",
    "from_numbers",
    "json_object",
    "read_v1",
]

Role = Literal["live", "shadow"]
NUMBERS = frozenset({int, float})


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
    """The checked rows of one call; `feature_set` and `columns` say what computed them, where the caller says so.

    `binary_output` says that the caller takes the values as bytes after the reply's JSON.
    """

    rows: Rows
    id: str | None = None
    feature_set: str | None = None
    columns: str | None = None
    binary_output: bool = False


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The rows that a model takes: their width, and how many one call may have."""

    width: int
    max_rows: int

    def require(self, count: int, pointer: str) -> None:
        """Refuse a call of too few or too many rows.

        Raises:
            InvalidField: the count is not among those that are taken.
        """
        if not 1 <= count <= self.max_rows:
            raise InvalidField(pointer, f"1 to {self.max_rows} rows are taken, not {count}")


def read_v1(body: bytes, shape: ModelShape) -> InferenceRequest:
    """Return the call of a V1 body, `{"instances": [[…], …]}`.

    Raises:
        NotJson, InvalidField: the body is not such a call.
    """
    instances = json_object(body).get("instances")
    if not isinstance(instances, list):
        raise InvalidField("/instances", "a list of rows is required")
    return InferenceRequest(from_numbers(flattened(instances, "/instances"), len(instances), "/instances", shape))


def from_numbers(flat: list[Any], count: int, pointer: str, shape: ModelShape) -> Rows:
    """Return the rows, shape (count, width), of float32 numbers that are all finite.

    Raises:
        InvalidField: there are too many or too few numbers, or something that is not one.
    """
    shape.require(count, pointer)
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


def json_object(body: bytes) -> Mapping[str, Any]:
    """Return the object that a JSON body is.

    Raises:
        NotJson, InvalidField: the body is not JSON, or no object.
    """
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotJson("the body is not JSON") from None
    if not isinstance(payload, dict):
        raise InvalidField("", "an object is required")
    return payload


def flattened(rows: list[Any], pointer: str) -> list[Any]:
    """Return the numbers of rows of one length, row after row.

    Raises:
        InvalidField: a row is not a list, or two differ in their length.
    """
    if not all(isinstance(row, list) for row in rows):
        raise InvalidField(pointer, "every row must be a list of numbers")
    if len({len(row) for row in rows}) > 1:
        raise InvalidField(pointer, "all rows must have the same length")
    return [number for row in rows for number in row]
