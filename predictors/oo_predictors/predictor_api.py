"""This module is the predictor's HTTP edge: V1, V2 and its metadata on the fast path, each refusal as a problem."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import orjson
from oo_contracts.events import PredictionOutcome
from oo_contracts.inference import DEADLINE_HEADER, JSON_LENGTH_HEADER, REQUEST_ID_HEADER, TENSORS_CONTENT_TYPE
from oo_contracts.problem import FieldError
from oo_contracts.wire import is_name
from oo_serving.fast_path import Routes
from oo_serving.problem_response import Response, problem
from oo_serving.request import Request

from oo_predictors import metrics
from oo_predictors.inference_request import (
    Caller,
    Conflict,
    InferenceError,
    InferenceRequest,
    InvalidField,
    ModelShape,
    NotJson,
    TooLate,
    read_v1,
)
from oo_predictors.predictor import PredictionResult, Predictor
from oo_predictors.v2_request import OUTPUT, read_v2

__all__ = ["PredictorApi", "model_metadata"]

Read = Callable[[bytes, ModelShape], InferenceRequest]
Write = Callable[[PredictionResult, InferenceRequest], Response]


@dataclass(frozen=True, slots=True)
class PredictorApi:
    """The HTTP routes of one predictor, from bytes to bytes."""

    predictor: Predictor

    def routes(self) -> Routes:
        """Return the handlers by path and method."""
        name = self.predictor.name
        return {
            f"/v2/models/{name}/infer": {"POST": self.infer},
            f"/v1/models/{name}:predict": {"POST": self.predict},
            f"/v2/models/{name}": {"GET": self.metadata},
            "/healthz/live": {"GET": self.ready},
            "/healthz/ready": {"GET": self.ready},
        }

    @property
    def tensor_routes(self) -> frozenset[str]:
        """The routes on which rows and values may be raw bytes after the JSON."""
        return frozenset({f"/v2/models/{self.predictor.name}/infer"})

    async def infer(self, request: Request) -> Response:
        """Answer a call of the Open Inference Protocol, V2."""
        return await self._answer(request, partial(read_v2, tensors=request.tensors), self._v2, "v2")

    async def predict(self, request: Request) -> Response:
        """Answer a call of KServe's V1 protocol."""
        return await self._answer(request, read_v1, self._v1, "v1")

    async def metadata(self, _: Request) -> Response:
        """Answer with the model's metadata."""
        return Response(orjson.dumps(model_metadata(self.predictor)))

    async def ready(self, _: Request) -> Response:
        """Answer that the model is ready: the port opens only after the model is checked, loaded and tried."""
        model = self.predictor.model
        return Response(orjson.dumps({"status": "ok", "model": self.predictor.name, "version": model.version}))

    def unanswered(self, request: Request, reply: Response | None) -> None:
        """Report a copy that no handler has answered: it was refused before, it failed, or its caller left."""
        if reply is None:
            self.predictor.report(self._caller(request), "too_late", "its caller had left before it was read")
        else:
            outcome: PredictionOutcome = "failed" if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"
            self.predictor.report(self._caller(request), outcome, reply.detail)

    async def _answer(self, request: Request, read: Read, write: Write, route: str) -> Response:
        start, caller = perf_counter(), self._caller(request)
        inference_request: InferenceRequest | None = None
        try:
            inference_request = read(request.body, self.predictor.shape)
            result = await self.predictor.predict(inference_request, caller)
        except InferenceError as refused:
            metrics.REFUSED.labels(route, refused.kind).inc()
            outcome: PredictionOutcome = "too_late" if isinstance(refused, TooLate) else "refused"
            report = partial(
                self.predictor.report,
                caller,
                outcome,
                str(refused),
                inference_request.id if inference_request else None,
            )
            return replace(_refusal(refused), background=report)
        response = write(result, inference_request)
        return replace(response, background=_observed(route, perf_counter() - start, result))

    def _caller(self, request: Request) -> Caller:
        """Return who calls. Only a copy has a deadline: whoever waits for an answer gets it."""
        request_id = _header_id(request, REQUEST_ID_HEADER) or _header_id(request, b"x-request-id")
        role = self.predictor.role(request.port)
        return Caller(role, request_id, _deadline(request) if role == "shadow" else math.inf)

    def _v1(self, result: PredictionResult, _: InferenceRequest) -> Response:
        names = {"model_name": self.predictor.name, "model_version": self.predictor.model.version}
        return Response(orjson.dumps({"predictions": result.values.tolist(), **names}))

    def _v2(self, result: PredictionResult, request: InferenceRequest) -> Response:
        output = {"name": OUTPUT, "shape": [len(result.values)], "datatype": "FP32"}
        if not request.binary_output:
            return Response(self._v2_json(result, {**output, "data": result.values.tolist()}))
        tensor = result.values.astype("<f4", copy=False).tobytes()
        text = self._v2_json(result, {**output, "parameters": {"binary_data_size": len(tensor)}})
        length = (JSON_LENGTH_HEADER, b"%d" % len(text))
        return Response(text + tensor, content_type=TENSORS_CONTENT_TYPE, headers=(length,))

    def _v2_json(self, result: PredictionResult, output: dict[str, Any]) -> bytes:
        predictor = self.predictor
        return orjson.dumps(
            {
                "model_name": predictor.name,
                "model_version": predictor.model.version,
                "id": result.request_id,
                "parameters": response_parameters(predictor, result),
                "outputs": [output],
            }
        )


def response_parameters(predictor: Predictor, result: PredictionResult) -> dict[str, str]:
    """Return the parameters of a reply, by which the caller refuses values of another feature set than its own."""
    return {"feature_set": predictor.model.feature_set, "columns": predictor.model.columns, "role": result.role}


def model_metadata(predictor: Predictor) -> dict[str, Any]:
    """Return the Open Inference Protocol's model metadata, with what pins this version."""
    model = predictor.model
    return {
        "name": predictor.name,
        "versions": [model.version],
        "platform": model.runtime.platform,
        "inputs": [{"name": "rows", "datatype": "FP32", "shape": [-1, model.width]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1]}],
        "properties": {
            "version": model.version,
            "digest": model.digest,
            "feature_set": model.feature_set,
            "columns": model.columns,
            "features": model.manifest.features,
        },
    }


def _header_id(request: Request, header: bytes) -> str | None:
    """Return the id that a header holds, or None without a usable one; our own header is percent-encoded."""
    text = request.headers.get(header, b"").decode("latin-1")
    request_id = unquote(text) if header == REQUEST_ID_HEADER else text
    return request_id if is_name(request_id) else None


def _deadline(request: Request) -> float:
    """Return the deadline in Unix seconds; it is infinite for callers that are older than the header."""
    try:
        deadline = float(request.headers.get(DEADLINE_HEADER, b"inf"))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(deadline) else deadline


def _refusal(refused: InferenceError) -> Response:
    match refused:
        case InvalidField(pointer=pointer, detail=detail):
            errors = [FieldError(pointer=pointer, detail=detail)]
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{pointer or 'the body'}: {detail}", errors)
        case Conflict(pointer=pointer):
            return problem(HTTPStatus.CONFLICT, str(refused), [FieldError(pointer=pointer, detail=str(refused))])
        case NotJson():
            return problem(HTTPStatus.BAD_REQUEST, str(refused))
        case TooLate():
            return problem(HTTPStatus.GATEWAY_TIMEOUT, str(refused))
        case _:
            raise refused


def _observed(route: str, seconds: float, result: PredictionResult) -> Callable[[], None]:
    def after() -> None:
        metrics.SECONDS.labels(route).observe(seconds)
        result.publish()

    return after
