"""One call to the predictor per request, by the Open Inference Protocol (V2, JSON), through the split."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain

import orjson
from oo_contracts.score import ModelInfo

from oo_transformers.errors import FeatureSetMismatch, PredictorUnavailable
from oo_transformers.pool import Answer, Pool

__all__ = ["FORWARDED", "InferenceClient", "Values", "forwarded"]

log = logging.getLogger(__name__)

FORWARDED = (b"x-request-id", b"traceparent", b"tracestate", b"authorization")
Rows = tuple[tuple[float, ...], ...]
Origin = Mapping[str, str]  # what computed the rows: feature set, and digest of its columns


@dataclass(frozen=True, slots=True)
class Values:
    """One value per row, and the model that gave them."""

    values: tuple[float, ...]
    model: ModelInfo


@dataclass(frozen=True, slots=True)
class InferenceClient:
    """`deadline` in seconds, for the call and its one retry together; `columns` is the digest of the rows' columns."""

    pool: Pool
    model: str
    deadline: float
    columns: str

    async def predict(self, rows: Rows, feature_set: str, request_id: str, headers: Mapping[bytes, bytes]) -> Values:
        """The model's values of the rows.

        Raises:
            FeatureSetMismatch: the model was trained on another feature set.
            PredictorUnavailable: anything else that is not one finite value per row in time.
        """
        body = orjson.dumps(_request(rows, self._origin(feature_set), request_id))
        try:
            path = f"/v2/models/{self.model}/infer"
            answer = await self.pool.post(path, body, forwarded(headers, request_id), self.deadline)
        except OSError as error:
            raise PredictorUnavailable(f"{type(error).__name__}: {error}") from None
        return _values(answer, len(rows), self._origin(feature_set))

    def _origin(self, feature_set: str) -> Origin:
        return {"feature_set": feature_set, "columns": self.columns}


def forwarded(headers: Mapping[bytes, bytes], request_id: str) -> list[tuple[bytes, bytes]]:
    """Of the caller's headers only those that the next hop may see; the request id is always among them."""
    kept = [(name, headers[name]) for name in FORWARDED if name in headers]
    return kept if b"x-request-id" in headers else [(b"x-request-id", _header(request_id)), *kept]


def _header(text: str) -> bytes:
    """Text as a header value; what a header cannot carry is left out."""
    return bytes(mark for mark in text.encode("ascii", "ignore") if 0x20 < mark < 0x7F)


def _request(rows: Rows, origin: Origin, request_id: str) -> dict[str, object]:
    shape = [len(rows), len(rows[0])]
    data = list(chain.from_iterable(rows))
    return {
        "id": request_id,
        "parameters": origin,
        "inputs": [{"name": "rows", "shape": shape, "datatype": "FP32", "data": data}],
    }


def _values(answer: Answer, count: int, origin: Origin) -> Values:
    if answer.status == HTTPStatus.CONFLICT:
        raise FeatureSetMismatch("the predictor refused the feature set or the order of its columns")
    if answer.status != HTTPStatus.OK:
        raise PredictorUnavailable(f"status {answer.status}")
    try:
        reply = orjson.loads(answer.body)
        values = _numbers(reply["outputs"][0]["data"])
        model = ModelInfo.model_construct(name=str(reply["model_name"]), version=str(reply["model_version"]))
        trained_on = {name: reply["parameters"][name] for name in origin}
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise PredictorUnavailable(f"an answer without {error}") from None
    if trained_on != origin:
        raise FeatureSetMismatch(f"{trained_on} instead of {origin}")
    if len(values) != count or not all(map(math.isfinite, values)):
        raise PredictorUnavailable(f"{len(values)} values for {count} rows, or not all finite")
    return Values(values, model)


def _numbers(data: object) -> tuple[float, ...]:
    """Numbers as JSON knows them: text that looks like one is none."""
    if not isinstance(data, list) or not {*map(type, data)} <= {int, float}:
        raise TypeError("numbers")
    return tuple(map(float, data))
