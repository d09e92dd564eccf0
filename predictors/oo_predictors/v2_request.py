"""This module reads a call of the Open Inference Protocol, V2: JSON alone, or JSON with the rows as raw bytes after it.

The second is the protocol's binary tensor extension. A float32 is then neither written nor read as text, and the rows
are a view of the body.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from oo_contracts.wire import MAX_NAME_LENGTH, is_name

from oo_predictors.inference_request import (
    InferenceRequest,
    InvalidField,
    ModelShape,
    finite,
    flattened,
    from_numbers,
    json_object,
)
from oo_predictors.served_model import Rows

__all__ = ["ORIGIN", "OUTPUT", "read_v2"]

DTYPES: Mapping[str, np.dtype[Any]] = {
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}  # of the raw bytes: little-endian, whatever the machine
DATATYPES = tuple(DTYPES)
ORIGIN = ("feature_set", "columns")  # parameters of a call that say what computed its rows
OUTPUT = "values"  # the name of the one output
BINARY_SIZE = "binary_data_size"
BINARY_SIZE_POINTER = f"/inputs/0/parameters/{BINARY_SIZE}"


def read_v2(body: bytes, shape: ModelShape, tensors: bytes = b"") -> InferenceRequest:
    """Return the call of a body of one FP32 or FP64 tensor `[n, d]`, in the JSON (flat or nested) or in `tensors`.

    Raises:
        NotJson, InvalidField: the body is not such a call.
    """
    payload = json_object(body)
    inputs = payload.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise InvalidField("/inputs", "exactly one input is required")
    tensor = inputs[0]
    if tensor.get("datatype") not in DATATYPES:
        raise InvalidField("/inputs/0/datatype", "must be FP32 or FP64")
    count = _count(tensor.get("shape"), shape)
    size = _object(tensor, "/inputs/0").get(BINARY_SIZE)
    if tensors or size is not None:
        rows = _from_bytes(tensor, size, tensors, count, shape)
    else:
        rows = _from_json(tensor.get("data"), count, shape)
    parameters = _object(payload, "")
    return InferenceRequest(rows, _id(payload), **_origin(parameters), binary_output=_binary_output(payload))


def _from_json(data: Any, count: int, shape: ModelShape) -> Rows:
    if not isinstance(data, list):
        raise InvalidField("/inputs/0/data", "a list of numbers is required")
    flat = flattened(data, "/inputs/0/data") if data and isinstance(data[0], list) else data
    return from_numbers(flat, count, "/inputs/0/data", shape)


def _from_bytes(tensor: Mapping[str, Any], size: Any, tensors: bytes, count: int, shape: ModelShape) -> Rows:
    if tensor.get("data") is not None:
        raise InvalidField("/inputs/0/data", "the rows come as JSON or as bytes after it, not as both")
    if type(size) is not int or size != len(tensors):
        raise InvalidField(BINARY_SIZE_POINTER, f"must be {len(tensors)}, the number of bytes after the JSON")
    shape.require(count, "/inputs/0/shape")
    dtype = DTYPES[tensor["datatype"]]
    needed = count * shape.width * dtype.itemsize
    if size != needed:
        raise InvalidField(BINARY_SIZE_POINTER, f"{count} rows of {shape.width} numbers are {needed} bytes, not {size}")
    numbers = np.frombuffer(tensors, dtype).reshape(count, shape.width)
    with np.errstate(over="ignore"):
        return finite(numbers.astype(np.float32, copy=False), "/inputs/0")


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


def _object(holder: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """Return the parameters of a call, an input or an output."""
    parameters = holder.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidField(f"{pointer}/parameters", "an object is required")
    return parameters


def _origin(parameters: Mapping[str, Any]) -> dict[str, str | None]:
    origin = {name: parameters.get(name) for name in ORIGIN}
    for name, value in origin.items():
        if value is not None and not isinstance(value, str):
            raise InvalidField(f"/parameters/{name}", "must be a text")
    return origin


def _binary_output(payload: Mapping[str, Any]) -> bool:
    """Return whether the values are to be bytes; what a call says of the output comes before what it says of all."""
    choice = False
    for pointer, value in _binary_choices(payload):
        if not isinstance(value, bool):
            raise InvalidField(pointer, "must be true or false")
        choice = value
    return choice


def _binary_choices(payload: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    parameters = _object(payload, "")
    if "binary_data_output" in parameters:
        yield "/parameters/binary_data_output", parameters["binary_data_output"]
    outputs = payload.get("outputs")
    for place, output in enumerate(outputs if isinstance(outputs, list) else ()):
        if isinstance(output, dict) and output.get("name") == OUTPUT:
            parameters = _object(output, f"/outputs/{place}")
            if "binary_data" in parameters:
                yield f"/outputs/{place}/parameters/binary_data", parameters["binary_data"]
