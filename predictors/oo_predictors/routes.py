"""The predictor's HTTP edge: V1, V2 and its metadata as short cuts, each refusal as a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Any

import orjson
from oo_contracts.problem import FieldError
from oo_serving.asgi import Call, Routes
from oo_serving.problem import Reply, problem

from oo_predictors import metrics
from oo_predictors.call import Ask, Conflict, Invalid, NotJson, Refused, Shape, read_v1, read_v2
from oo_predictors.predictor import Answered, Predictor

__all__ = ["Edge", "described"]

LONGEST_ID = 128
Read = Callable[[bytes, Shape], Ask]
Write = Callable[[Answered], bytes]


@dataclass(frozen=True, slots=True)
class Edge:
    """Bytes in, bytes out."""

    predictor: Predictor

    def routes(self) -> Routes:
        name = self.predictor.name
        return {
            f"/v2/models/{name}/infer": {"POST": self.infer},
            f"/v1/models/{name}:predict": {"POST": self.predict},
            f"/v2/models/{name}": {"GET": self.metadata},
            f"/v2/repository/models/{name}/load": {"POST": self.fixed},
            f"/v2/repository/models/{name}/unload": {"POST": self.fixed},
            "/healthz/live": {"GET": self.ready},
            "/healthz/ready": {"GET": self.ready},
        }

    async def infer(self, call: Call) -> Reply:
        return self._answer(call, read_v2, self._v2, "v2")

    async def predict(self, call: Call) -> Reply:
        return self._answer(call, read_v1, self._v1, "v1")

    async def metadata(self, _: Call) -> Reply:
        return Reply(orjson.dumps(described(self.predictor)))

    async def ready(self, _: Call) -> Reply:
        """The port opens only when the model is checked, loaded and tried: whoever gets an answer gets this one."""
        ranker = self.predictor.ranker
        return Reply(orjson.dumps({"status": "ok", "model": self.predictor.name, "version": ranker.version}))

    async def fixed(self, _: Call) -> Reply:
        """KServe would let any caller unload the model."""
        return problem(HTTPStatus.FORBIDDEN, "what is served is the deployment's decision")

    def _answer(self, call: Call, read: Read, write: Write, route: str) -> Reply:
        start = perf_counter()
        try:
            ask = read(call.body, self.predictor.shape)
            found = self.predictor.answer(ask, _request_id(call), self.predictor.role(call.port))
        except Refused as refused:
            metrics.REFUSED.labels(route, type(refused).__name__).inc()
            return _refusal(refused)
        body = write(found)
        return Reply(body, after=_observed(route, perf_counter() - start, found))

    def _v1(self, found: Answered) -> bytes:
        version = self.predictor.ranker.version
        return orjson.dumps({"predictions": found.values, "model_name": self.predictor.name, "model_version": version})

    def _v2(self, found: Answered) -> bytes:
        predictor = self.predictor
        values = {"name": "values", "shape": [len(found.values)], "datatype": "FP32", "data": found.values}
        return orjson.dumps(
            {
                "model_name": predictor.name,
                "model_version": predictor.ranker.version,
                "id": found.request_id,
                "parameters": said(predictor, found),
                "outputs": [values],
            }
        )


def said(predictor: Predictor, found: Answered) -> dict[str, str]:
    """What goes with the values: the caller refuses those of another feature set, whatever we thought of its call."""
    return {"feature_set": predictor.ranker.feature_set, "columns": predictor.ranker.columns, "role": found.role}


def described(predictor: Predictor) -> dict[str, Any]:
    """The Open Inference Protocol's model metadata, with what pins this version."""
    ranker = predictor.ranker
    return {
        "name": predictor.name,
        "versions": [ranker.version],
        "platform": type(ranker.runtime).__name__.lower(),
        "inputs": [{"name": "rows", "datatype": "FP32", "shape": [-1, ranker.width]}],
        "outputs": [{"name": "values", "datatype": "FP32", "shape": [-1]}],
        "properties": {
            "version": ranker.version,
            "digest": ranker.digest,
            "feature_set": ranker.feature_set,
            "columns": ranker.columns,
            "features": ranker.manifest.features,
        },
    }


def _request_id(call: Call) -> str | None:
    said = call.headers.get(b"x-request-id", b"").decode("latin-1")
    return said if 1 <= len(said) <= LONGEST_ID else None


def _refusal(refused: Refused) -> Reply:
    match refused:
        case Invalid(pointer=pointer, detail=detail):
            errors = [FieldError(pointer=pointer, detail=detail)]
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{pointer or 'the body'}: {detail}", errors)
        case Conflict(pointer=pointer):
            return problem(HTTPStatus.CONFLICT, str(refused), [FieldError(pointer=pointer, detail=str(refused))])
        case NotJson():
            return problem(HTTPStatus.BAD_REQUEST, str(refused))
        case _:
            raise refused


def _observed(route: str, seconds: float, found: Answered) -> Callable[[], None]:
    def after() -> None:
        metrics.SECONDS.labels(route).observe(seconds)
        found.publish()

    return after
