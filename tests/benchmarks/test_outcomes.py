"""A call that is refused, fails or gets a degraded answer is missed, and has no part in a percentile."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler

import pytest
from http_server import serving
from oo_bench.figures import latencies, missed
from oo_bench.http_caller import HttpCaller, predictions_outcome, score_outcome
from oo_bench.load import ClosedLoop
from oo_bench.processes import free_port
from oo_serving.connection_pool import ConnectionPool


class Scripted(BaseHTTPRequestHandler):
    """Answers each call by the next of the server's answers, which come round."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # the name that http.server calls
        self.rfile.read(int(self.headers["content-length"]))
        status, degraded = self.server.answers[self.server.served % len(self.server.answers)]
        self.server.served += 1
        data = json.dumps({"degraded": degraded}, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with serving(Scripted, daemon_threads=True, served=0, answers=[(200, None)]) as server:
        yield server


@pytest.fixture
async def caller(server):
    pool = ConnectionPool(f"http://127.0.0.1:{server.server_port}")
    yield HttpCaller(pool, "/score", b"{}", score_outcome)
    pool.close()


async def test_degraded_and_refused_calls_are_missed(server, caller):
    server.answers = [(200, None), (200, "predictor"), (503, None), (500, None)]

    outcomes = [await caller.call() for _ in range(8)]

    assert outcomes == ["answered", "degraded", "refused", "status 500"] * 2


async def test_an_answer_without_a_model_is_not_in_the_latencies(server, caller):
    server.answers = [(200, None), (200, "overload")]

    result = await ClosedLoop(1).run(caller, 0.1)

    assert 0 < len(latencies(result)) <= (len(result.calls) + 1) // 2
    assert missed([result]) == {"degraded": len(result.calls) - len(latencies(result))}


async def test_a_peer_answers_by_its_status(server, caller):
    server.answers = [(200, None), (422, None)]
    caller.outcome = predictions_outcome

    assert [await caller.call() for _ in range(2)] == ["answered", "status 422"]


async def test_a_call_that_nobody_takes_is_missed_by_the_name_of_its_error(caller):
    caller.pool.base = f"http://127.0.0.1:{free_port()}"

    assert await caller.call() == "ConnectionRefusedError"
