"""The real LiteLLM behind its gate, as the embedded stack starts it: one route with the key, health for probes."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from oo_local.layout import Layout
from oo_local.programs import MissingProgram, Programs
from oo_local.stack import Stack
from waiting import eventually, free_port

pytestmark = pytest.mark.long

KEY = "sk-test"
COMPLETION = (
    b'{"id": "1", "object": "chat.completion", "created": 1, "model": "smollm2", "choices": [{"index": 0,'
    b' "finish_reason": "stop", "message": {"role": "assistant", "content": "Do it."}}],'
    b' "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}'
)
ASK = {"model": "tip-writer", "messages": [{"role": "user", "content": "hello"}]}
PAGES = [
    *("/", "/ui", "/ui/", "/routes", "/sso/key/generate", "/openapi.json", "/docs", "/redoc", "/fallback/login"),
    *("/.well-known/litellm-ui-config", "/get_logo_url", "/public/model_hub", "/metrics", "/health", "/v1/models"),
    *("/health/readiness", "/key/generate", "/model/info", "/chat/completions", "/v1/completions", "/v1/embeddings"),
    *("//ui/", "/v1/chat/completions/", "/v1/chat/completions/..%2f..%2f..%2fui/", "/health/liveliness/"),
]


class Model(BaseHTTPRequestHandler):
    """An OpenAI-shaped server that always says the same."""

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(500 if b'"fail"' in asked else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(COMPLETION)))
        self.end_headers()
        self.wfile.write(COMPLETION)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def litellm(tmp_path_factory):
    """A client of it, and what it wrote."""
    layout = Layout(tmp_path_factory.mktemp("gate"), free_port())
    model = ThreadingHTTPServer(("127.0.0.1", layout.at("llm")), Model)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    started = Stack(layout, Programs(os.environ), {}, KEY).litellm()
    log = layout.data / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(started.command, env=dict(started.environ), stdout=output, stderr=output)
    try:
        assert eventually(lambda: process.poll() is not None or started.is_ready(), patience=180)
        assert process.poll() is None, log.read_text()
        with httpx.Client(base_url=layout.url("litellm"), timeout=60) as client:
            yield client, log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        model.shutdown()
        model.server_close()


def is_problem(reply):
    return reply.headers["content-type"] == "application/problem+json" and reply.json()["status"] == reply.status_code


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_none_of_its_pages_and_routes_is_there_with_or_without_the_key(litellm, method):
    client, _ = litellm

    for headers in ({}, {"authorization": f"Bearer {KEY}"}):
        replies = [client.request(method, path, headers=headers) for path in PAGES]
        assert {reply.status_code for reply in replies} == {404}
        assert all(map(is_problem, replies))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "x"},
        {"authorization": KEY},
        {"authorization": "Bearer sk-wrong"},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"bearer {KEY}"},
        {"authorization": b"Bearer \xff"},
        {"x-api-key": KEY},
        {"api-key": KEY},
    ],
)
def test_a_call_without_the_key_is_a_401_that_litellm_never_saw(litellm, headers):
    client, log = litellm
    before = log.read_bytes()

    reply = client.post("/v1/chat/completions", json=ASK, headers=headers)

    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert is_problem(reply)
    assert log.read_bytes() == before


def test_with_the_key_the_model_answers(litellm):
    client, _ = litellm

    reply = client.post("/v1/chat/completions", json=ASK, headers={"authorization": f"Bearer {KEY}"})

    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"][0]["message"]["content"] == "Do it."


def test_a_model_that_fails_is_one_line_in_the_log(litellm):
    client, log = litellm
    before = len(log.read_text().splitlines())

    ask = ASK | {"messages": [{"role": "user", "content": "fail"}]}
    reply = client.post("/v1/chat/completions", json=ask, headers={"authorization": f"Bearer {KEY}"})

    assert reply.status_code == 500
    (line,) = log.read_text().splitlines()[before:]
    assert "tip-writer" in line or "litellm_call_id" in line


def test_probes_are_answered(litellm):
    client, _ = litellm

    assert client.get("/health/liveliness").status_code == 200
    assert client.post("/health/liveliness").status_code == 404


def test_a_litellm_that_stands_alone_is_refused(tmp_path):
    alone = tmp_path / "litellm"
    alone.write_text("#!/bin/sh\n")
    alone.chmod(0o755)

    with pytest.raises(MissingProgram, match="no python beside it"):
        Programs(os.environ | {"OO_LOCAL_LITELLM": str(alone)})
