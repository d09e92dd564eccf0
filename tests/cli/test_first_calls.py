"""What `oo-ml up` says at its end: the truth of its own first answers."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler

import pytest
from http_server import serving
from oo_cli.first_calls import show_first_calls
from oo_contracts.stack_status import StackStatus, status_file, write_status

TIP = {"tip": "Call.", "fallback": None, "model": "m", "prompt_version": "v1"}


class Ingress(BaseHTTPRequestHandler):
    """Answers as a transformer does, degraded for the first calls."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.calls += 1
        degraded = "predictor" if self.server.calls <= self.server.degraded else None
        score = {"scores": [], "chosen": None, "model": {"name": "m", "version": "1"}, "degraded": degraded}
        score |= {"policy": {"name": "p", "version": "1"}, "experiment": None}
        data = json.dumps(score if self.path == "/score" else TIP).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words):
        pass


@pytest.fixture
def ingress(tmp_path):
    with serving(Ingress, calls=0, degraded=0) as server:
        yield server


@pytest.fixture
def first_calls(ingress, tmp_path, capsys):
    """Whether the calls to a stack whose data is in a folder went well, and what was printed."""

    def call():
        good = show_first_calls(tmp_path, f"http://127.0.0.1:{ingress.server_address[1]}", "http://127.0.0.1:1")
        return good, capsys.readouterr().out

    return call


@pytest.mark.parametrize("degraded", [0, 1, 4])
def test_answers_by_a_model_are_good_though_the_first_ones_were_late(ingress, first_calls, degraded):
    ingress.degraded = degraded

    good, said = first_calls()

    assert good
    assert "next" in said


def test_answers_without_a_model_are_said_with_what_helps(ingress, first_calls, tmp_path):
    ingress.degraded = 1_000

    good, said = first_calls()

    assert not good
    assert "degraded (predictor)" in said
    assert f"oo-ml logs predictor --data {tmp_path}" in said
    assert "OO_TRANSFORMER_BUDGET_MS" in said


def test_a_known_reason_is_given_instead(ingress, first_calls, tmp_path):
    ingress.degraded = 1_000
    plain = dict.fromkeys(("ingress", "nats_url", "store_url", "mlflow_url", "champion", "challenger", "error"), "")
    plain |= {"phase": "ready", "pid": os.getpid(), "port": 8080, "data": str(tmp_path), "processes": ()}
    status_file(tmp_path).parent.mkdir()
    write_status(StackStatus(**plain, warnings=("the champion was trained on other features",)))

    good, said = first_calls()

    assert not good
    assert "the champion was trained on other features" in said


def test_no_answer_at_all_is_no_success(ingress, first_calls):
    ingress.server_close()
    ingress.shutdown()

    assert not first_calls()[0]
