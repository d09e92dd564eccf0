"""This module calls the predictor once for each request, by the Open Inference Protocol, through the split."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote

from oo_contracts.inference import DEADLINE_HEADER, JSON_LENGTH_HEADER, REQUEST_ID_HEADER, TENSORS_CONTENT_TYPE
from oo_serving.connection_pool import ConnectionPool
from oo_serving.request_head import Headers, header_value, is_header_value
from oo_serving.upstream_connection import UpstreamResponse

from oo_transformers.degradation import PredictorUnreachable
from oo_transformers.predictor_messages import InferenceCall, Origin, Predictions, Rows, has_tensors, read_predictions
from oo_transformers.tensor_form import TensorForm

__all__ = ["FORWARDED_HEADERS", "InferenceClient", "forwarded_headers"]

FORWARDED_HEADERS = (b"x-request-id", b"traceparent", b"tracestate", b"authorization")
# The answers of a predictor, or of a gateway before it, to a body that it cannot read. It may be of another release.
REFUSES_BYTES = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY}
JSON: Headers = ((b"content-type", b"application/json"),)


@dataclass(frozen=True, slots=True)
class InferenceClient:
    """The client of the predictor.

    `deadline` is in seconds, for the call and its retries together; `columns` is the digest of the rows' columns.
    """

    pool: ConnectionPool
    model: str
    deadline: float
    columns: str
    clock: Callable[[], float] = time.time
    form: TensorForm = field(default_factory=TensorForm)

    async def predict(
        self, rows: Rows, feature_set: str, request_id: str, headers: Mapping[bytes, bytes]
    ) -> Predictions:
        """Return the model's value of each row of a matrix, shape (n, d).

        Raises:
            FeatureSetMismatch: the model was trained on another feature set.
            PredictorUnreachable: there was no answer in time, or none at all.
            PredictorUnavailable: anything else that is not one finite value for each row in time.
        """
        call = InferenceCall(rows, self._origin(feature_set), request_id)
        try:
            sent = (*forwarded_headers(headers, request_id), *self._for_copies(request_id))
            answer = await self._answer(call, sent)
        except OSError as error:
            raise PredictorUnreachable(f"{type(error).__name__}: {error}") from None
        return read_predictions(answer, len(rows), call.origin)

    async def _answer(self, call: InferenceCall, headers: Headers) -> UpstreamResponse:
        """Return the answer to a call in the form that the predictors read.

        A predictor that refuses raw bytes is asked once more, in JSON, within the same deadline.
        """
        end = time.monotonic() + self.deadline
        if self.form.is_binary:
            body, length = call.with_tensors()
            described = ((b"content-type", TENSORS_CONTENT_TYPE), (JSON_LENGTH_HEADER, b"%d" % length))
            answer = await self._post(body, (*described, *headers), self.deadline)
            if answer.status not in REFUSES_BYTES:
                return answer
            self.form.record(gave_bytes=False)
        return await self._post(call.json(), (*JSON, *headers), end - time.monotonic())

    async def _post(self, body: bytes, headers: Headers, deadline: float) -> UpstreamResponse:
        answer = await self.pool.call(b"POST", f"/v2/models/{self.model}/infer", [body], headers, deadline)
        if answer.status == HTTPStatus.OK:
            self.form.record(gave_bytes=has_tensors(answer))
        return answer

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
