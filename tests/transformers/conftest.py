"""The edge over fakes at its seams, called as an ASGI app; and a server of scripted bytes for the raw client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2
import pytest
from oo_contracts.generate import Usage
from oo_contracts.score import ModelInfo
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.policy import EpsilonGreedy
from oo_features.feature_sets import RANKER_V1
from oo_prompts.prompt_registry import load_prompts
from oo_serving.asgi import FastPathMiddleware, kserve_routes
from oo_serving.body import BodyLimits
from oo_serving.fast_path import FastPath
from oo_transformers.concurrency_limit import ConcurrencyLimit
from oo_transformers.language_model import Completion
from oo_transformers.predictor_messages import Predictions
from oo_transformers.scorer import Scorer
from oo_transformers.tip_generator import TipGenerator
from oo_transformers.transformer_api import ServerInfo, TransformerApi

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LIMIT = 100_000


@dataclass
class FakePredictor:
    """Values by place, or the failure it was given; remembers its calls."""

    failure: Exception | None = None
    calls: list[tuple[int, str, str]] = field(default_factory=list)

    async def predict(self, rows, feature_set, request_id, headers):
        self.calls.append((len(rows), feature_set, request_id))
        if self.failure is not None:
            raise self.failure
        return Predictions(tuple(place / 10 for place in range(len(rows))), ModelInfo(name="tip-ranker", version="7"))


@dataclass
class FakeWriter:
    """Says what it was given, or fails."""

    text: str = "Pay the rent before lunch, it is the only thing due."
    failure: Exception | None = None

    async def complete(self, prompt, inputs, request_id):
        if self.failure is not None:
            raise self.failure
        return Completion(self.text, "small", Usage(prompt_tokens=3, completion_tokens=5))


@dataclass
class FakeOutbox:
    """Keeps events as the bytes they would be sent as."""

    events: list[tuple[str, str]] = field(default_factory=list)

    def put(self, subject, event, sender):
        self.events.append((subject, event.encode().decode()))


@dataclass
class Fakes:
    predictor: FakePredictor = field(default_factory=FakePredictor)
    writer: FakeWriter = field(default_factory=FakeWriter)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    default_prompt: str | None = None
    running: ActiveExperiments = field(default_factory=ActiveExperiments)
    limit: ConcurrencyLimit = field(default_factory=lambda: ConcurrencyLimit(1_000))

    def app(self):
        scorer = Scorer(RANKER_V1, self.predictor, EpsilonGreedy(0.1), lambda: self.running, self.outbox, lambda: NOW)
        generator = TipGenerator(
            load_prompts(), self.default_prompt, self.writer, lambda: self.running, self.outbox, lambda: NOW
        )
        edge = TransformerApi(scorer, generator, ServerInfo("tip-ranker", RANKER_V1.ref, "c0ffee"), self.limit)
        return FastPathMiddleware(
            kserves_app,
            FastPath(edge.routes(), BodyLimits(LIMIT), admission=edge.admission()),
            kserve_routes(["tip-ranker"]),
        )

    def client(self):
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app()), base_url="http://edge")

    async def post(self, route, body, **headers):
        async with self.client() as client:
            return await client.post(route, json=body, headers=headers)


async def kserves_app(scope, receive, send):
    """Stands for KServe's app: it answers all that it gets with a secret in its text, and fails on /metrics."""
    status = 500 if scope["path"] == "/metrics" else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"secret text of an exception"})


@pytest.fixture
def fakes():
    return Fakes()


class Scripted:
    """A TCP server that answers the n-th request on any connection with the n-th script: bytes, seconds, or hang up."""

    def __init__(self, *scripts):
        self.scripts, self.requests, self.connections = list(scripts), [], 0
        self.server = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append((head, await reader.readexactly(length)))
                for step in self.scripts.pop(0) if self.scripts else (HANG_UP,):
                    if step == HANG_UP:
                        return
                    if isinstance(step, bytes):
                        writer.write(step)
                        await writer.drain()
                    else:
                        await asyncio.sleep(step)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


HANG_UP = "hang up"


@pytest.fixture
def scripted():
    return Scripted
