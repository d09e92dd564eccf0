"""The HTTP edge and nothing else: bytes in, a call of the domain, bytes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Any

import orjson
from oo_contracts.generate import GenerateRequest
from oo_contracts.problem import FieldError
from oo_contracts.score import ScoreRequest
from oo_prompts.registry import UnknownPrompt
from oo_serving.asgi import Call, Routes
from oo_serving.problem import Reply, invalid, problem
from pydantic import ValidationError

from oo_transformers import metrics
from oo_transformers.generate import Generator
from oo_transformers.score import Scorer

__all__ = ["About", "Edge"]


@dataclass(frozen=True, slots=True)
class About:
    """Which model this is in front of, and what its rows were agreed on with the recommender."""

    model: str
    feature_set: str
    contract_digest: str


@dataclass(frozen=True, slots=True)
class Edge:
    """`/score`, `/generate` and health, for the short cut in front of KServe's app."""

    scorer: Scorer
    generator: Generator
    about: About

    def routes(self) -> Routes:
        return {
            f"/v2/models/{self.about.model}": {"GET": self.metadata},
            "/score": {"POST": self.score},
            "/generate": {"POST": self.generate},
            "/healthz/live": {"GET": self.alive},
            "/healthz/ready": {"GET": self.alive},
        }

    async def score(self, call: Call) -> Reply:
        start = perf_counter()
        try:
            ask = ScoreRequest.model_validate_json(call.body)
        except ValidationError as error:
            return invalid(error, call.body)
        found = await self.scorer(ask, call.headers)
        encoding = perf_counter()
        body = orjson.dumps(found.reply)
        end = perf_counter()
        timing = _timing(found.timing | {"encode": end - encoding, "total": end - start})
        return Reply(body, headers=(timing,), after=_observed("score", end - start, found.publish))

    async def generate(self, call: Call) -> Reply:
        start = perf_counter()
        try:
            ask = GenerateRequest.model_validate_json(call.body)
            found = await self.generator(ask)
        except ValidationError as error:
            return invalid(error, call.body)
        except UnknownPrompt as error:
            known = f"known versions: {', '.join(error.known)}"
            errors = [FieldError(pointer="/prompt_version", detail=known)]
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"/prompt_version: {known}", errors)
        body = found.reply.model_dump_json().encode()
        seconds = perf_counter() - start
        timing = _timing(found.timing | {"total": seconds})
        return Reply(body, headers=(timing,), after=_observed("generate", seconds, found.publish))

    async def alive(self, _: Call) -> Reply:
        """A predictor or a model that is down degrades answers; it does not make us unready."""
        return Reply(orjson.dumps({"status": "ok", "contract_digest": self.about.contract_digest}))

    async def metadata(self, _: Call) -> Reply:
        """KServe's own answer has no place for what this transformer was built from."""
        return Reply(orjson.dumps(described(self.about)))


def described(about: About) -> dict[str, Any]:
    """The Open Inference Protocol's model metadata, with the contract that the recommender can compare."""
    return {
        "name": about.model,
        "platform": "oo_transformers",
        "inputs": [{"name": "bodies", "datatype": "BYTES", "shape": [1]}],
        "outputs": [{"name": "replies", "datatype": "BYTES", "shape": [-1]}],
        "properties": {"feature_set": about.feature_set, "contract_digest": about.contract_digest},
    }


def _observed(route: str, seconds: float, publish: Callable[[], None]) -> Callable[[], None]:
    def after() -> None:
        metrics.SECONDS.labels(route).observe(seconds)
        publish()

    return after


def _timing(parts: dict[str, float]) -> tuple[bytes, bytes]:
    """A `server-timing` header in ms (W3C Server Timing)."""
    return b"server-timing", ", ".join(f"{name};dur={value * 1000:.3f}" for name, value in parts.items()).encode()
