"""The edge over fakes at its seams, called as an ASGI app; and a server of scripted bytes for the raw client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2
import pytest
from oo_contracts.generate import Usage
from oo_contracts.score import ModelInfo
from oo_experiments.enrolment import Running
from oo_experiments.policy import EpsilonGreedy
from oo_features.sets import RANKER_V1
from oo_prompts.registry import load
from oo_serving.asgi import ShortCut
from oo_transformers.generate import Generator
from oo_transformers.predictor import Values
from oo_transformers.routes import About, Edge
from oo_transformers.score import Scorer
from oo_transformers.writer import Written

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
        return Values(tuple(place / 10 for place in range(len(rows))), ModelInfo(name="tip-ranker", version="7"))


@dataclass
class FakeWriter:
    """Says what it was given, or fails."""

    text: str = "Pay the rent before lunch, it is the only thing due."
    failure: Exception | None = None

    async def write(self, prompt, inputs, request_id):
        if self.failure is not None:
            raise self.failure
        return Written(self.text, "small", Usage(prompt_tokens=3, completion_tokens=5))


@dataclass
class FakeOutbox:
    """Keeps events as the bytes they would be sent as."""

    events: list[tuple[str, str]] = field(default_factory=list)

    def put(self, subject, event):
        self.events.append((subject, event.model_dump_json()))


@dataclass
class Fakes:
    predictor: FakePredictor = field(default_factory=FakePredictor)
    writer: FakeWriter = field(default_factory=FakeWriter)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    default_prompt: str | None = None
    running: Running = field(default_factory=Running)

    def app(self):
        scorer = Scorer(RANKER_V1, self.predictor, EpsilonGreedy(0.1), lambda: self.running, self.outbox, lambda: NOW)
        generator = Generator(load(), self.default_prompt, self.writer, lambda: self.running, self.outbox, lambda: NOW)
        edge = Edge(scorer, generator, About("tip-ranker", RANKER_V1.ref, "c0ffee"))
        return ShortCut(nothing_here, edge.routes(), LIMIT)

    def client(self):
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app()), base_url="http://edge")

    async def post(self, route, body, **headers):
        async with self.client() as client:
            return await client.post(route, json=body, headers=headers)


async def nothing_here(scope, receive, send):
    """Stands for KServe's app: it knows no route, and one that fails with a secret in its text."""
    status = 500 if scope["path"] == "/v1/fails" else 404
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"secret text of an exception %d" % len(body)})


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
