"""This module calls the predictor once for each request, by the Open Inference Protocol, through the split."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from urllib.parse import quote

import orjson
from oo_contracts.inference import DEADLINE_HEADER, REQUEST_ID_HEADER
from oo_contracts.score import ModelInfo
from oo_serving.connection_pool import ConnectionPool
from oo_serving.request_head import header_value, is_header_value
from oo_serving.upstream_connection import UpstreamResponse

from oo_transformers.degradation import FeatureSetMismatch, PredictorUnavailable, PredictorUnreachable

__all__ = ["FORWARDED_HEADERS", "InferenceClient", "Predictions", "forwarded_headers"]

log = logging.getLogger(__name__)

FORWARDED_HEADERS = (b"x-request-id", b"traceparent", b"tracestate", b"authorization")
Rows = tuple[tuple[float, ...], ...]
Origin = Mapping[str, str]  # what computed the rows: feature set, and digest of its columns


@dataclass(frozen=True, slots=True)
class Predictions:
    """One value for each row, and the model that gave them."""

    values: tuple[float, ...]
    model: ModelInfo


@dataclass(frozen=True, slots=True)
class InferenceClient:
    """The client of the predictor.

    `deadline` is in seconds, for the call and its one retry together; `columns` is the digest of the rows' columns.
    """

    pool: ConnectionPool
    model: str
    deadline: float
    columns: str
    clock: Callable[[], float] = time.time

    async def predict(
        self, rows: Rows, feature_set: str, request_id: str, headers: Mapping[bytes, bytes]
    ) -> Predictions:
        """Return the model's value of each row.

        Raises:
            FeatureSetMismatch: the model was trained on another feature set.
            PredictorUnreachable: there was no answer in time, or none at all.
            PredictorUnavailable: anything else that is not one finite value for each row in time.
        """
        body = orjson.dumps(_request(rows, self._origin(feature_set), request_id))
        try:
            path = f"/v2/models/{self.model}/infer"
            sent = (*forwarded_headers(headers, request_id), *self._for_copies(request_id))
            answer = await self.pool.post(path, body, sent, self.deadline)
        except OSError as error:
            raise PredictorUnreachable(f"{type(error).__name__}: {error}") from None
        return _values(answer, len(rows), self._origin(feature_set))

    def _for_copies(self, request_id: str) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers by which a mirrored copy of the call is known when it comes too late to be read."""
        deadline = b"%.6f" % (self.clock() + self.deadline)
        return (REQUEST_ID_HEADER, quote(request_id, safe="").encode()), (DEADLINE_HEADER, deadline)

    def _origin(self, feature_set: str) -> Origin:
        return {"feature_set": feature_set, "columns": self.columns}


def forwarded_headers(headers: Mapping[bytes, bytes], request_id: str) -> list[tuple[bytes, bytes]]:
    """Return those of the caller's headers that the next hop may see; a request id is always among them."""
    forwarded = [
        (name, headers[name]) for name in FORWARDED_HEADERS if name in headers and is_header_value(headers[name])
    ]
    return (
        forwarded if b"x-request-id" in dict(forwarded) else [(b"x-request-id", header_value(request_id)), *forwarded]
    )


def _request(rows: Rows, origin: Origin, request_id: str) -> dict[str, object]:
    shape = [len(rows), len(rows[0])]
    data = list(chain.from_iterable(rows))
    return {
        "id": request_id,
        "parameters": origin,
        "inputs": [{"name": "rows", "shape": shape, "datatype": "FP32", "data": data}],
    }


def _values(answer: UpstreamResponse, count: int, origin: Origin) -> Predictions:
    if answer.status == HTTPStatus.CONFLICT:
        raise FeatureSetMismatch("the predictor refused the feature set or the order of its columns")
    if answer.status == HTTPStatus.GATEWAY_TIMEOUT:
        raise PredictorUnreachable("the split got no answer in time")
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
    return Predictions(values, model)


def _numbers(data: object) -> tuple[float, ...]:
    """Return numbers as JSON has them; a text that looks like a number is none.

    Raises:
        TypeError: something is not a number.
    """
    if not isinstance(data, list) or not {*map(type, data)} <= {int, float}:
        raise TypeError("numbers")
    return tuple(map(float, data))
