"""The load test itself: it passes on a good server, and each threshold can make it fail."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Scorer(BaseHTTPRequestHandler):
    """Answers at once, except that the server may be told to stall or to fail."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):  # the name that http.server calls
        self.rfile.read(int(self.headers["content-length"]))
        with self.server.gate:
            self.server.served += 1
            time.sleep(self.server.stall if self.server.served == 150 else 0)
        data = json.dumps({"degraded": self.server.degraded}).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scorer)
    server.gate, server.served, server.stall, server.status, server.degraded = threading.Lock(), 0, 0, 200, None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def locust(server, tmp_path, *flags):
    command = [sys.executable, "-P", "-m", "locust", "--config", HERE / "locust.conf", "-f", HERE / "locustfile.py"]
    target = ["--host", f"http://127.0.0.1:{server.server_address[1]}", "--html", tmp_path / "report.html"]
    plan = ["--rate", "100", "--run-time", "4s", "--warmup", "1", "--figures", tmp_path / "load.json", *flags]

    done = subprocess.run([*command, *target, *plan], capture_output=True, text=True, check=False, timeout=60)

    return done.returncode, done.stdout + done.stderr, json.loads((tmp_path / "load.json").read_text())


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
        pytest.param({}, ("--max-p99", "1", "--warmup", "3"), "too few samples", id="too few to say"),
        pytest.param({"status": 500}, (), "calls failed", id="errors"),
        pytest.param({"degraded": "predictor"}, (), "calls failed", id="degraded answers"),
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
