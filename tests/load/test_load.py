"""The load test itself: it passes on a good server, and each threshold can make it fail."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from http_server import serving

pytestmark = pytest.mark.long

HERE = Path(__file__).parent


class Scorer(BaseHTTPRequestHandler):
    """Answers at once, except that the server may be told to stall or to fail, or to change after some calls."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):  # the name that http.server calls
        self.rfile.read(int(self.headers["content-length"]))
        with self.server.gate:
            self.server.served += 1
            time.sleep(self.server.stall if self.server.served == 150 else 0)
        if self.server.served > self.server.changes_after:
            self.change()
        data = json.dumps({"degraded": self.server.degraded}).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def change(self):
        """What becomes of a server that was well: it hangs, is gone, degrades, or breaks its promise of JSON."""
        match self.server.then:
            case "hangs":
                self.server.over.wait()
            case "dies":
                for each in (self.server.socket, self.connection):
                    each.shutdown(socket.SHUT_RDWR)
                raise ConnectionError("gone")
            case "degrades":
                self.server.degraded = "predictor"
            case "fails":
                self.server.status = 503

    def log_message(self, *words):
        pass


@pytest.fixture
def server():
    well = {"gate": threading.Lock(), "served": 0, "stall": 0, "status": 200, "degraded": None}
    change = {"changes_after": math.inf, "then": None, "over": threading.Event()}
    with serving(Scorer, **well, **change, handle_error=lambda *_: None) as server:  # its errors are meant to be
        yield server
        server.over.set()


def locust(server, tmp_path, *flags):
    command = [sys.executable, "-P", "-m", "locust", "--config", HERE / "locust.conf", "-f", HERE / "locustfile.py"]
    target = ["--host", f"http://127.0.0.1:{server.server_address[1]}", "--html", tmp_path / "report.html"]
    plan = ["--rate", "100", "--run-time", "6s", "--warmup", "1", "--figures", tmp_path / "load.json", *flags]

    done = subprocess.run([*command, *target, *plan], capture_output=True, text=True, check=False, timeout=60)

    return done.returncode, done.stdout + done.stderr, json.loads((tmp_path / "load.json").read_text())


@pytest.mark.alone
def test_a_good_server_passes_and_leaves_a_report(server, tmp_path):
    code, said, found = locust(server, tmp_path, "--run-time", "10s", "--max-p50", "5000")

    assert (code, found["failed"]) == (0, []), said
    assert found["routes"]["/score"]["calls"] > 150
    assert "p99" in said
    assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("change", "flags", "reason"),
    [
        pytest.param({}, ("--max-p50", "0.0001"), "p50", id="a slow median"),
        pytest.param({}, ("--max-p99", "0.0001"), "p99", id="a slow tail"),
        pytest.param({}, ("--max-p99", "1", "--warmup", "2"), "too few samples", id="too few to say"),
        pytest.param({"status": 500}, (), "calls failed", id="errors"),
        pytest.param({"degraded": "predictor"}, (), "degraded answer", id="degraded answers"),
    ],
)
def test_each_threshold_can_fail(server, tmp_path, change, flags, reason):
    vars(server).update(change)

    code, said, found = locust(server, tmp_path, *flags)

    assert code == 1, said
    assert reason in " ".join(found["failed"])


def test_a_stall_is_seen_although_no_call_was_sent_during_it(server, tmp_path):
    server.stall = 1.0

    _, said, found = locust(server, tmp_path, "--run-time", "7s", "--users", "8", "--spawn-rate", "8")

    assert found["routes"]["/score"]["p95"][0] > 500, said


@pytest.mark.parametrize(
    ("then", "calls", "reason"),
    [
        pytest.param("hangs", 50, "were never answered", id="hangs in the warm-up"),
        pytest.param("hangs", 150, "were never answered", id="hangs"),
        pytest.param("hangs", 300, "were never answered", id="hangs towards the end"),
        pytest.param("dies", 50, "calls failed", id="dies in the warm-up"),
        pytest.param("dies", 300, "calls failed", id="dies towards the end"),
        pytest.param("degrades", 150, "degraded answer", id="degrades"),
        pytest.param("fails", 150, "calls failed", id="fails"),
    ],
)
def test_a_server_that_changes_at_any_second_fails(server, tmp_path, then, calls, reason):
    """A hundred calls are a second of the run, whose first second is the warm-up."""
    server.then, server.changes_after = then, calls

    code, said, found = locust(server, tmp_path, "--run-time", "8s", "--stop-timeout", "3")

    assert code == 1, said
    assert reason in " ".join(found["failed"]), said


@pytest.mark.parametrize("then", ["hangs", "dies"])
def test_a_server_that_is_gone_fails_whatever_part_of_the_calls_may_fail(server, tmp_path, then):
    server.then, server.changes_after = then, 200

    code, said, found = locust(server, tmp_path, "--stop-timeout", "3", "--max-errors", "1")

    assert code == 1, said
    assert "answered in time" in " ".join(found["failed"]), said


@pytest.mark.alone
def test_what_was_never_answered_has_its_age_as_latency(server, tmp_path):
    server.then, server.changes_after = "hangs", 200

    _, said, found = locust(server, tmp_path, "--run-time", "8s", "--stop-timeout", "3", "--generate-share", "0")

    score = found["routes"]["/score"]
    assert score["unanswered"] == score["calls"] - 100, said  # 200 were answered, 100 of them in the warm-up
    assert score["p95"][0] > 3_000


@pytest.mark.alone
def test_degraded_answers_may_be_allowed(server, tmp_path):
    server.then, server.changes_after = "degrades", 200

    code, said, found = locust(server, tmp_path, "--max-degraded", "0.95")

    assert code == 0, said
    score = found["routes"]["/score"]
    assert 0 < score["degraded"] < score["calls"]
    assert score["missed"] == score["degraded"]
    assert f"{score['missed']} missed" in said


@pytest.mark.parametrize("change", [{"degraded": "overload"}, {"status": 503}], ids=["degraded", "refused"])
def test_a_quick_answer_that_is_none_makes_no_percentile_better(server, tmp_path, change):
    vars(server).update(change)

    _, said, found = locust(server, tmp_path, "--max-errors", "1", "--max-degraded", "1", "--max-p50", "5000")

    score = found["routes"]["/score"]
    assert (score["missed"], score["p50"]) == (score["calls"], None), said
    assert "too few samples for a p50" in " ".join(found["failed"])


def test_a_run_that_is_all_warm_up_says_nothing_good(server, tmp_path):
    code, _, found = locust(server, tmp_path, "--warmup", "9")

    assert (code, found["failed"]) == (1, ["no /score was due after the warm-up: there is nothing to judge"])
