"""The benchmark of `/score` leaves missed calls out of its latencies, and fails for them."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from importlib import import_module
from pathlib import Path

import pytest
from http_server import serving

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


class Scripted(BaseHTTPRequestHandler):
    """Answers each call by the next of the server's answers, which come round."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # the name that http.server calls
        self.rfile.read(int(self.headers["content-length"]))
        status, degraded = self.server.answers[self.server.served % len(self.server.answers)]
        self.server.served += 1
        data = json.dumps({"degraded": degraded}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("score")


@pytest.fixture
def side(benchmark):
    request = benchmark.request("/score", {"user_id": "u-1"})
    with serving(Scripted, daemon_threads=True, served=0, answers=[(200, None)]) as server:
        yield server, benchmark.Side("ours", server.server_port, request, lambda answer: answer["degraded"] is None)


def test_degraded_and_refused_calls_are_missed(benchmark, side):
    server, ours = side
    server.answers = [(200, None), (200, "predictor"), (503, None), (200, None)]

    found = benchmark.latencies(ours, 12)

    assert (len(found), len(ours.missed)) == (6, 6)
    with pytest.raises(SystemExit, match=r"ours missed 6 calls, the first by .*predictor"):
        benchmark.refuse_missed(ours)


def test_a_side_that_misses_nothing_passes(benchmark, side):
    _, ours = side

    assert len(benchmark.latencies(ours, 5)) == 5
    benchmark.refuse_missed(ours)


def test_a_side_that_misses_everything_is_not_measured(benchmark, side):
    server, ours = side
    server.answers = [(200, "overload")]

    with pytest.raises(SystemExit, match="missed all calls"):
        benchmark.latencies(ours, 3)
