"""The transformer as the process that Kubernetes starts, kills and probes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import threading

import httpx2
import nats
import psutil
import pytest
from oo_features.contract import contract_digest, profile_promises
from oo_features.feature_sets import RANKER_V1
from real_transformer import ASK, COMMAND, started


@pytest.fixture
def edge(tmp_path):
    edge = started(tmp_path / "nats", "--predictor_protocol", "v2", "--enable_docs_url", "false")
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


@pytest.mark.long
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

    assert metadata["properties"]["contract_digest"] == contract_digest(profile_promises()) == ready["contract_digest"]
    assert metadata["properties"]["feature_set"] == RANKER_V1.ref


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/tip-ranker:predict", {"instances": [{"user_id": []}]}),
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
    edge = started(tmp_path_factory.mktemp("nats"))
    yield edge
    edge.close()


TEN = {
    "a health checker": b"GET /healthz/ready HTTP/1.0\r\n\r\n",
    "with a host": b"GET /healthz/ready HTTP/1.0\r\nhost: x\r\n\r\n",
    "a call": b'POST /score HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"user_id":"u"}',
}


@pytest.mark.parametrize("call", TEN.values(), ids=TEN)
def test_who_speaks_http_1_0_is_heard(shared_edge, call):
    with socket.create_connection(("127.0.0.1", shared_edge.port), timeout=10) as connection:
        connection.sendall(call)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))  # it ends with the connection

    assert answer.split(b" ")[1] == b"200", answer


@pytest.mark.long
def test_a_million_wrong_labels_are_refused_in_little_memory(shared_edge):
    process = psutil.Process(shared_edge.process.pid)
    body = b'{"user_id": "u", "tasks": [{"id": "t", "labels": [%s1]}]}' % (b"1," * 1_000_000)
    before = process.memory_info().rss

    replies = [shared_edge.send("/score", body) for _ in range(5)]

    assert {reply.status_code for reply in replies} == {413}
    assert process.memory_info().rss - before < 60_000_000


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
    connection = await nats.connect(url)
    js = connection.jetstream()
    count = (await js.stream_info("DECISIONS")).state.messages
    found = [json.loads((await js.get_msg("DECISIONS", place)).data)["request_id"] for place in range(1, count + 1)]
    await connection.close()
    return found


@pytest.mark.long
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
        (["--predictor_host", "x"], {"OO_TRANSFORMER_LLM_KEY": "sk-1\n"}, "OO_TRANSFORMER_LLM_KEY"),
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
