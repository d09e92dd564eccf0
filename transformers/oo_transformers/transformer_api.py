"""This module is the HTTP edge and nothing else: bytes in, a call of the domain, bytes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Any

import orjson
from oo_contracts.generate import GenerateRequest
from oo_contracts.ids import uuid7
from oo_contracts.problem import FieldError
from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_contracts.todoist import read_in_chunks
from oo_prompts.prompt_registry import UnknownPrompt
from oo_serving.admission import Admission
from oo_serving.fast_path import Routes
from oo_serving.pace import Pace, Turns, weight
from oo_serving.parse import parse_body
from oo_serving.problem_response import Response, problem
from oo_serving.request import Request

from oo_transformers import metrics
from oo_transformers.concurrency_limit import ConcurrencyLimit
from oo_transformers.inference_protocol import V1Request, V2Request, v1_chunks, v1_response, v2_chunks, v2_response
from oo_transformers.score_decoder import decode_score_call
from oo_transformers.scorer import Scorer, ScoreResult
from oo_transformers.tip_generator import TipGenerator

__all__ = ["ServerInfo", "TransformerApi"]

INSTANCES = "instances"  # the sender of the events of calls that carry several bodies
Background = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The model behind this transformer, and the digests by which the recommender can compare its contract."""

    model: str
    feature_set: str
    contract_digest: str


@dataclass(frozen=True, slots=True)
class TransformerApi:
    """`/score`, `/generate`, KServe's inference protocols and health, for the fast path in front of KServe's app."""

    scorer: Scorer
    generator: TipGenerator
    info: ServerInfo
    limit: ConcurrencyLimit
    turns: Turns = field(default_factory=Turns)

    def routes(self) -> Routes:
        """Return the handlers by path and method."""
        return {
            self._v1_path: {"POST": self.predict},
            self._v2_path: {"POST": self.infer},
            f"/v2/models/{self.info.model}": {"GET": self.metadata},
            "/score": {"POST": self.score},
            "/generate": {"POST": self.generate},
            "/healthz/live": {"GET": self.alive},
            "/healthz/ready": {"GET": self.alive},
        }

    def admission(self) -> Admission:
        """Return the limit of the routes that score, which have it together."""
        routes = {"/score": "score", self._v1_path: "v1", self._v2_path: "v2"}
        return {path: partial(self.limit.admit, route) for path, route in routes.items()}

    @property
    def _v1_path(self) -> str:
        return f"/v1/models/{self.info.model}:predict"

    @property
    def _v2_path(self) -> str:
        return f"/v2/models/{self.info.model}/infer"

    async def score(self, request: Request) -> Response:
        """Answer a call of `/score`; a wrong body is refused as a problem."""
        start, cost = perf_counter(), weight(request.body)
        async with self.turns.admit(cost) as pace:
            call = await _read_score_call(request.body, pace)
            result = await self.scorer(call, request.headers, pace, is_overloaded=request.is_overloaded)
            encoding = perf_counter()
            body = orjson.dumps(result.reply)
            end = perf_counter()
        timing = _timing(result.timing | {"encode": end - encoding, "total": end - start})
        return Response(
            body,
            headers=(timing,),
            background=self._background("score", start, cost, [(result, call.user_id)]),
        )

    async def generate(self, request: Request) -> Response:
        """Answer a call of `/generate`; a wrong body or an unknown prompt version is refused as a problem."""
        start = perf_counter()
        async with self.turns.admit(weight(request.body)) as pace:
            generate_request = await parse_body(GenerateRequest, request.body, pace, read_in_chunks)
        # The turn is over before the language model is called: waiting for it keeps no other large call from running.
        try:
            result = await self.generator(generate_request)
        except UnknownPrompt as error:
            versions = f"known versions: {', '.join(error.known)}"
            errors = [FieldError(pointer="/prompt_version", detail=versions)]
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"/prompt_version: {versions}", errors)
        body = result.reply.model_dump_json().encode()
        seconds = perf_counter() - start
        timing = _timing(result.timing | {"total": seconds})
        return Response(body, headers=(timing,), background=_observed("generate", seconds, result.publish))

    async def predict(self, request: Request) -> Response:
        """Answer a call of KServe's V1 protocol, which carries `/score` bodies."""
        start, cost = perf_counter(), weight(request.body)
        async with self.turns.admit(cost) as pace:
            v1_request = await parse_body(V1Request, request.body, pace, v1_chunks)
            results = await self._scored(v1_request.instances, pace, is_overloaded=request.is_overloaded)
            body = v1_response([item.reply for item, _ in results])
        return Response(body, background=self._background("v1", start, cost, results))

    async def infer(self, request: Request) -> Response:
        """Answer a call of KServe's V2 protocol, which carries `/score` bodies."""
        start, cost = perf_counter(), weight(request.body)
        async with self.turns.admit(cost) as pace:
            v2_request = await parse_body(V2Request, request.body, pace, v2_chunks)
            results = await self._scored(v2_request.inputs[0].data, pace, is_overloaded=request.is_overloaded)
            body = v2_response(self.info.model, v2_request.id or uuid7(), [item.reply for item, _ in results])
        return Response(body, background=self._background("v2", start, cost, results))

    async def _scored(
        self, bodies: Sequence[ScoreRequest], pace: Pace, *, is_overloaded: bool
    ) -> list[tuple[ScoreResult, str]]:
        """Return the result of each body and its event's sender.

        The events of a call with many bodies share one sender.
        """
        sender = bodies[0].user_id if len(bodies) == 1 else INSTANCES
        return [
            (await self.scorer(ScoreCall.from_request(body), {}, pace, is_overloaded=is_overloaded), sender)
            for body in bodies
        ]

    def _background(
        self, route: str, start: float, cost: int, results: Sequence[tuple[ScoreResult, str]]
    ) -> Background:
        seconds = perf_counter() - start

        async def after() -> None:
            metrics.SECONDS.labels(route).observe(seconds)
            async with self.turns.admit(cost, is_refusable=False) as pace:
                for item, sender in results:
                    await item.publish(sender, pace)

        return after

    async def alive(self, _: Request) -> Response:
        """Answer that the transformer is alive; a predictor or language model that is down only degrades answers."""
        return Response(orjson.dumps({"status": "ok", "contract_digest": self.info.contract_digest}))

    async def metadata(self, _: Request) -> Response:
        """Answer with the metadata of this transformer, which KServe's own route has no field for."""
        return Response(orjson.dumps(model_metadata(self.info)))


async def _read_score_call(body: bytes, pace: Pace) -> ScoreCall:
    """Return the call of a body: by the quick decoder, or by pydantic where there is anything odd about it.

    Raises:
        HTTPProblem: 400 when the body is not JSON, 422 when a field is wrong.
    """
    call = decode_score_call(body)
    return call or ScoreCall.from_request(await parse_body(ScoreRequest, body, pace, read_in_chunks))


def model_metadata(info: ServerInfo) -> dict[str, Any]:
    """Return the Open Inference Protocol's model metadata, with the contract that the recommender can compare."""
    return {
        "name": info.model,
        "platform": "oo_transformers",
        "inputs": [{"name": "bodies", "datatype": "BYTES", "shape": [1]}],
        "outputs": [{"name": "replies", "datatype": "BYTES", "shape": [-1]}],
        "properties": {"feature_set": info.feature_set, "contract_digest": info.contract_digest},
    }


def _observed(route: str, seconds: float, publish: Callable[[], None]) -> Callable[[], None]:
    def after() -> None:
        metrics.SECONDS.labels(route).observe(seconds)
        publish()

    return after


def _timing(parts: dict[str, float]) -> tuple[bytes, bytes]:
    """Return a `server-timing` header in ms (W3C Server Timing)."""
    return b"server-timing", ", ".join(f"{name};dur={value * 1000:.3f}" for name, value in parts.items()).encode()
