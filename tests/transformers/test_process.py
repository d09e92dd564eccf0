"""The transformer as the process that Kubernetes starts, kills and probes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import psutil
import pytest
from oo_features.contract import contract_digest, mirror
from oo_features.sets import RANKER_V1
from real_nats import Nats
from waiting import eventually, free_port, listens

COMMAND = [sys.executable, "-P", "-m", "oo_transformers"]
ASK = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent"}, {"id": "t-2", "content": "Call"}]}


class Stub(BaseHTTPRequestHandler):
    """A predictor by the Open Inference Protocol: as many values as rows."""

    protocol_version = "HTTP/1.1"
    delay = 0.0

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.set()
        time.sleep(self.delay)
        values = [place / 10 for place in range(asked["inputs"][0]["shape"][0])]
        answer = {"model_name": "tip-ranker", "model_version": "3", "parameters": asked["parameters"]}
        body = json.dumps(answer | {"outputs": [{"name": "values", "data": values}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Edge:
    """The process, its predictor's port, and a NATS that may come later."""

    def __init__(self, folder, *arguments, **environ):
        self.port, self.model_port, self.nats = free_port(), free_port(), Nats(folder)
        told = {
            "OO_TRANSFORMER_HOST": "127.0.0.1",
            "OO_TRANSFORMER_NATS_URL": self.nats.url,
            "OO_TRANSFORMER_BUDGET_MS": "10000",  # what degrades an answer here is a fault, and not the machine
            "OO_TRANSFORMER_LLM_URL": f"http://127.0.0.1:{free_port()}",
        }
        words = ["--predictor_host", f"127.0.0.1:{self.model_port}", "--http_port", str(self.port), *arguments]
        self.process = subprocess.Popen([*COMMAND, *words], env=os.environ | told | environ)
        self.predictor = None

    def start_predictor(self, delay=0.0):
        handler = type("Slow", (Stub,), {"delay": delay})
        self.predictor = ThreadingHTTPServer(("127.0.0.1", self.model_port), handler)
        self.predictor.daemon_threads, self.predictor.asked = True, threading.Event()
        threading.Thread(target=self.predictor.serve_forever, daemon=True).start()

    def post(self, path, body, **more):
        return httpx2.post(f"http://127.0.0.1:{self.port}{path}", json=body, timeout=20, **more)

    def get(self, path):
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=20)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        if self.predictor is not None:
            self.predictor.shutdown()
            self.predictor.server_close()
        if self.nats.process is not None:
            self.nats.stop()


@pytest.fixture
def edge(tmp_path):
    edge = Edge(tmp_path / "nats", "--predictor_protocol", "v2", "--enable_docs_url", "false")
    assert eventually(lambda: listens(edge.port), patience=60)
    yield edge
    edge.close()


def test_it_serves_alone_and_takes_what_comes_up_later(edge):
    ready = edge.get("/healthz/ready").status_code
    alone = edge.post("/score", ASK).json()
    template = edge.post("/generate", ASK).json()
    edge.start_predictor()
    together = edge.post("/score", ASK).json()
    edge.predictor.shutdown()
    edge.predictor.server_close()
    edge.start_predictor()
    again = edge.post("/score", ASK).json()

    assert (ready, alone["degraded"], template["fallback"]) == (200, "predictor", "unavailable")
    assert (together["degraded"], together["model"]["version"]) == (None, "3")
    assert again["degraded"] is None


def test_kserves_own_routes_score_too(edge):
    edge.start_predictor()
    data = {"name": "bodies", "shape": [1], "datatype": "BYTES", "data": [json.dumps(ASK)]}

    v1 = edge.post("/v1/models/tip-ranker:predict", {"instances": [ASK, ASK]})
    v2 = edge.post("/v2/models/tip-ranker/infer", {"inputs": [data]})

    assert [len(reply["scores"]) for reply in v1.json()["predictions"]] == [2, 2]
    assert len(json.loads(v2.json()["outputs"][0]["data"][0])["scores"]) == 2
    assert edge.get("/v2/models/tip-ranker/ready").status_code == 200
    assert "oo_scored_total" in edge.get("/metrics").text


def test_it_shows_the_digest_of_the_contract_it_was_built_from(shared_edge):
    metadata = shared_edge.get("/v2/models/tip-ranker").json()
    ready = shared_edge.get("/healthz/ready").json()

    assert metadata["properties"]["contract_digest"] == contract_digest(mirror()) == ready["contract_digest"]
    assert metadata["properties"]["feature_set"] == RANKER_V1.ref


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/tip-ranker:predict", {"instances": [{"user_id": 5}]}),
        ("/v1/models/tip-ranker:predict", {"instances": 5}),
        ("/v1/models/tip-ranker:predict", []),
        ("/v1/models/tip-ranker:predict", {"instances": [None]}),
        ("/v1/models/other:predict", {"instances": []}),
        ("/v2/models/tip-ranker/infer", {"inputs": []}),
        ("/v2/models/tip-ranker/infer", {}),
        ("/v2/models/tip-ranker/infer", {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1.5]}]}),
        ("/v2/models/tip-ranker/infer", {"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["{"]}]}),
    ],
)
def test_a_bad_call_of_kserves_routes_is_the_callers_error(shared_edge, path, body):
    reply = shared_edge.post(path, body)

    assert 400 <= reply.status_code < 500, reply.text
    assert not any(word in reply.text for word in ("Traceback", "pydantic", "object has no", "0x"))


@pytest.fixture(scope="module")
def shared_edge(tmp_path_factory):
    edge = Edge(tmp_path_factory.mktemp("nats"))
    assert eventually(lambda: listens(edge.port), patience=60)
    yield edge
    edge.close()


def test_fifty_megabytes_are_refused_and_not_kept(shared_edge):
    before = psutil.Process(shared_edge.process.pid).memory_info().rss

    def parts():
        for _ in range(500):
            yield b" " * 100_000

    for path in ("/score", "/v1/models/tip-ranker:predict"):
        reply = httpx2.post(
            f"http://127.0.0.1:{shared_edge.port}{path}",
            content=parts(),
            headers={"content-type": "application/json"},
            timeout=30,
        )
        assert reply.status_code == 413

    assert psutil.Process(shared_edge.process.pid).memory_info().rss - before < 20_000_000


def test_a_stop_finishes_the_call_in_flight_and_publishes_its_event(edge):
    edge.nats.start()
    edge.nats.publish()
    edge.start_predictor(delay=0.5)
    answers = []
    call = threading.Thread(target=lambda: answers.append(edge.post("/score", ASK)))
    call.start()
    assert edge.predictor.asked.wait(20)

    edge.process.send_signal(signal.SIGTERM)
    call.join()
    code = edge.process.wait(20)

    assert (code, answers[0].status_code, answers[0].json()["degraded"]) == (0, 200, None)
    assert asyncio.run(stored(edge.nats.url)) == [answers[0].json()["request_id"]]


async def stored(url):
    import nats  # noqa: PLC0415

    connection = await nats.connect(url)
    js = connection.jetstream()
    count = (await js.stream_info("DECISIONS")).state.messages
    found = [json.loads((await js.get_msg("DECISIONS", place)).data)["request_id"] for place in range(1, count + 1)]
    await connection.close()
    return found


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        ([], {}, "--predictor_host"),
        (["--predictor_host", "http://x"], {}, "HOST[:PORT]"),
        (["--predictor_host", "x:port"], {}, "HOST[:PORT]"),
        (["--predictor_host", "x", "--predictor_hots", "y"], {}, "--predictor_hots"),
        (["--predictor_host", "x", "--http_port", "many"], {}, "--http_port"),
        (["--predictor_host", "x"], {"DEFAULT_PROMPT_VERSION": "v9"}, "known are v1, v2"),
        (["--predictor_host", "x"], {"OO_TRANSFORMER_BUDGET": "5"}, "OO_TRANSFORMER_BUDGET"),
        (["--predictor_host", "x"], {"OO_TRANSFORMER_LLM_URL": "litellm:4000"}, "OO_TRANSFORMER_LLM_URL"),
        (["--predictor_host", "x"], {"OO_TRANSFORMER_EXPERIMENTS": "/nowhere"}, "OO_TRANSFORMER_EXPERIMENTS"),
        (["--predictor_host", "x"], {"OO_TRANSFORMER_DEFAULT_PROMPT_VERSION": "v1"}, "without the prefix"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(words, environ, said):
    done = subprocess.run([*COMMAND, *words], env=os.environ | environ, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_variable():
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)

    assert all(name in done.stdout for name in ("--predictor_host", "OO_TRANSFORMER_LLM_DEADLINE_MS", "DEFAULT_PROMPT"))
