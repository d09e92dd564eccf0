"""One call for predictions, whatever the protocol: read and checked here, answered by `Predictor`.

Refused
├── NotJson      the body cannot be read at all
├── Invalid      a field is wrong; `pointer` says which
└── Conflict     the rows were computed by another feature set
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from oo_predictors.ranker import Rows

__all__ = [
    "ORIGIN",
    "Ask",
    "Conflict",
    "Invalid",
    "NotJson",
    "Refused",
    "Shape",
    "finite",
    "from_numbers",
    "read_v1",
    "read_v2",
]

NUMBERS = frozenset({int, float})
DATATYPES = ("FP32", "FP64")
LONGEST_ID = 128
ORIGIN = ("feature_set", "columns")  # parameters of a call that say what computed its rows


class Refused(Exception):
    """A call that gets no values."""


class NotJson(Refused):
    """The body cannot be read at all."""


class Invalid(Refused):
    """One field is wrong."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


class Conflict(Refused):
    """Another feature set than the model's, or its columns in another order; `pointer` says which."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Ask:
    """Checked rows. `feature_set` and `columns` are what the caller says that computed them, if it says so."""

    rows: Rows
    id: str | None = None
    feature_set: str | None = None
    columns: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model takes."""

    width: int
    most: int


def read_v1(body: bytes, shape: Shape) -> Ask:
    """`{"instances": [[…], …]}`."""
    instances = _object(body).get("instances")
    if not isinstance(instances, list):
        raise Invalid("/instances", "a list of rows is required")
    return Ask(from_numbers(_flat(instances, "/instances"), len(instances), "/instances", shape))


def read_v2(body: bytes, shape: Shape) -> Ask:
    """The Open Inference Protocol's JSON, one FP32 tensor `[n, d]`, flat or nested."""
    asked = _object(body)
    inputs = asked.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Invalid("/inputs", "exactly one input is required")
    tensor = inputs[0]
    if tensor.get("datatype") not in DATATYPES:
        raise Invalid("/inputs/0/datatype", "must be FP32 or FP64")
    count = _count(tensor.get("shape"), shape)
    data = tensor.get("data")
    if not isinstance(data, list):
        raise Invalid("/inputs/0/data", "a list of numbers is required")
    flat = _flat(data, "/inputs/0/data") if data and isinstance(data[0], list) else data
    return Ask(from_numbers(flat, count, "/inputs/0/data", shape), _id(asked), **_origin(asked))


def from_numbers(flat: list[Any], count: int, pointer: str, shape: Shape) -> Rows:
    """`count` rows of finite float32 numbers.

    Raises:
        Invalid: anything else.
    """
    if not 1 <= count <= shape.most:
        raise Invalid(pointer, f"1 to {shape.most} rows are taken, not {count}")
    if len(flat) != count * shape.width:
        raise Invalid(pointer, f"{count} rows of {shape.width} numbers are {count * shape.width}, not {len(flat)}")
    if not set(map(type, flat)) <= NUMBERS:  # true, "1" and null are no numbers
        raise Invalid(pointer, "only numbers are taken")
    with np.errstate(over="ignore"):
        rows = np.array(flat, dtype=np.float64).astype(np.float32).reshape(count, shape.width)
    return finite(rows, pointer)


def finite(rows: Rows, pointer: str) -> Rows:
    if not np.isfinite(rows).all():
        raise Invalid(pointer, "every number must be finite as a float32")
    return rows


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotJson("the body is not JSON") from None
    if not isinstance(asked, dict):
        raise Invalid("", "an object is required")
    return asked


def _flat(rows: list[Any], pointer: str) -> list[Any]:
    if not all(isinstance(row, list) for row in rows):
        raise Invalid(pointer, "every row must be a list of numbers")
    if len({len(row) for row in rows}) > 1:
        raise Invalid(pointer, "all rows must have the same length")
    return [number for row in rows for number in row]


def _count(said: Any, shape: Shape) -> int:
    if not isinstance(said, list) or len(said) != 2 or not all(type(item) is int for item in said):
        raise Invalid("/inputs/0/shape", f"must be [rows, {shape.width}]")
    if said[1] != shape.width:
        raise Invalid("/inputs/0/shape", f"this model takes {shape.width} features, not {said[1]}")
    return int(said[0])


def _id(asked: Mapping[str, Any]) -> str | None:
    said = asked.get("id")
    if said is not None and not (isinstance(said, str) and 1 <= len(said) <= LONGEST_ID):
        raise Invalid("/id", f"must be a text of 1 to {LONGEST_ID} characters")
    return said


def _origin(asked: Mapping[str, Any]) -> dict[str, str | None]:
    parameters = asked.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Invalid("/parameters", "an object is required")
    said = {name: parameters.get(name) for name in ORIGIN}
    for name, value in said.items():
        if value is not None and not isinstance(value, str):
            raise Invalid(f"/parameters/{name}", "must be a text")
    return said
