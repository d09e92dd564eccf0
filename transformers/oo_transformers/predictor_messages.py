"""This module writes calls to the predictor and reads its replies, by the Open Inference Protocol, V2.

Rows and values are numbers in the JSON, or raw bytes after it: the protocol's binary tensor extension. Both carry the
same bits, for a float32 is exactly one double, and a double is exactly its shortest decimal text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from oo_contracts.inference import JSON_LENGTH_HEADER
from oo_contracts.score import ModelInfo
from oo_serving.upstream_connection import UpstreamResponse

from oo_transformers.degradation import FeatureSetMismatch, PredictorUnavailable, PredictorUnreachable

__all__ = ["InferenceCall", "Origin", "Predictions", "Rows", "has_tensors", "read_predictions"]

Rows = npt.NDArray[np.float32]  # (n, d)
Origin = Mapping[str, str]  # what computed the rows: feature set, and digest of its columns
FP32 = np.dtype("<f4")  # of raw bytes: little-endian, whatever the machine
DTYPES: Mapping[str, np.dtype[Any]] = {"FP32": FP32, "FP64": np.dtype("<f8")}


@dataclass(frozen=True, slots=True)
class Predictions:
    """One value for each row, and the model that gave them."""

    values: tuple[float, ...]
    model: ModelInfo


@dataclass(frozen=True, slots=True)
class InferenceCall:
    """One call for the value of each row; in either form it asks for raw values, which not every predictor gives."""

    rows: Rows
    origin: Origin
    request_id: str

    def json(self) -> bytes:
        """Return the body with the rows as numbers, which every predictor reads."""
        return self._text({"data": self.rows.ravel().tolist()})

    def with_tensors(self) -> tuple[bytes, int]:
        """Return the body with the rows as raw bytes after its JSON, and how long the JSON is."""
        tensor = self.rows.astype(FP32, copy=False).tobytes()
        text = self._text({"parameters": {"binary_data_size": len(tensor)}})
        return text + tensor, len(text)

    def _text(self, numbers: Mapping[str, object]) -> bytes:
        tensor = {"name": "rows", "shape": self.rows.shape, "datatype": "FP32", **numbers}
        parameters = {**self.origin, "binary_data_output": True}
        return orjson.dumps({"id": self.request_id, "parameters": parameters, "inputs": [tensor]})


def has_tensors(answer: UpstreamResponse) -> bool:
    """Whether raw tensors follow the JSON of a reply."""
    return JSON_LENGTH_HEADER in answer.headers


def read_predictions(answer: UpstreamResponse, count: int, origin: Origin) -> Predictions:
    """Return the values of a reply, one for each of `count` rows.

    Raises:
        FeatureSetMismatch: the model was trained on another feature set.
        PredictorUnreachable: the split had no predictor's answer in time.
        PredictorUnavailable: anything else that is not one finite value for each row.
    """
    if answer.status == HTTPStatus.CONFLICT:
        raise FeatureSetMismatch("the predictor refused the feature set or the order of its columns")
    if answer.status == HTTPStatus.GATEWAY_TIMEOUT:
        raise PredictorUnreachable("the split got no answer in time")
    if answer.status != HTTPStatus.OK:
        raise PredictorUnavailable(f"status {answer.status}")
    try:
        text, tensors = _parts(answer)
        reply = orjson.loads(text)
        values = _values(reply["outputs"][0], tensors)
        model = ModelInfo.model_construct(name=str(reply["model_name"]), version=str(reply["model_version"]))
        trained_on = {name: reply["parameters"][name] for name in origin}
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise PredictorUnavailable(f"an answer without {error}") from None
    if trained_on != origin:
        raise FeatureSetMismatch(f"{trained_on} instead of {origin}")
    if len(values) != count or not all(map(math.isfinite, values)):
        raise PredictorUnavailable(f"{len(values)} values for {count} rows, or not all finite")
    return Predictions(values, model)


def _parts(answer: UpstreamResponse) -> tuple[bytes, bytes]:
    """Return the JSON of a reply, and the raw tensors after it.

    Raises:
        ValueError: the header is no length of a part of the body.
    """
    body = answer.body
    length = int(answer.headers.get(JSON_LENGTH_HEADER, len(body)))
    if not 0 <= length <= len(body):
        raise ValueError(f"{length} bytes of JSON")
    return body[:length], body[length:]


def _values(output: Any, tensors: bytes) -> tuple[float, ...]:
    """Return the numbers of an output, from its JSON or from the bytes after it; a text is no number.

    Raises:
        TypeError, KeyError, ValueError: something is not a number, or there are not as many bytes as it says.
    """
    if "data" in output:
        data = output["data"]
        if not isinstance(data, list) or not {*map(type, data)} <= {int, float}:
            raise TypeError("numbers")
        return tuple(map(float, data))
    size = output["parameters"]["binary_data_size"]
    if type(size) is not int or not 0 <= size <= len(tensors):
        raise ValueError("as many bytes as it says")
    return tuple(np.frombuffer(tensors[:size], DTYPES[output["datatype"]]).tolist())
