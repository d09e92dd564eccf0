"""`oo-ml status` asks the readers of events: one that gets no further is not ready, and its lag is told."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from oo_cli.app import app
from oo_contracts.stack_status import ProcessStatus, StackStatus, write_status
from typer.testing import CliRunner
from waiting import free_port

LAGS = b"""# TYPE oo_lake_lag gauge
oo_lake_lag{table="decisions"} 1200.0
oo_lake_lag{table="signals"} 34.0
"""


@contextmanager
def reader(code, said, metrics=LAGS):
    """A process's port, as a probe finds it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            ready = self.path == "/healthz/ready"
            body = json.dumps({"status": said}).encode() if ready else metrics
            self.send_response(code if ready else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def status(folder, port, output="json"):
    """Of a stack whose only process says that it is ready."""
    process = ProcessStatus("lake", "ready", os.getpid(), port, 0, 0.0, 1.0, None)
    known = dict.fromkeys(("ingress", "data", "nats_url", "store_url", "mlflow_url"), "x")
    stack = StackStatus(phase="ready", pid=os.getpid(), port=8080, champion=None, challenger=None, error=None,
                        processes=(process,), **known)  # fmt: skip
    (folder / "run").mkdir(parents=True, exist_ok=True)
    write_status(replace(stack, data=str(folder)))
    done = CliRunner().invoke(app, ["status", "--data", str(folder), "--output", output])
    return done.exit_code, json.loads(done.stdout)["processes"][0] if output == "json" else done.stdout


def test_a_reader_that_gets_on_is_ready_and_tells_its_lag(tmp_path):
    with reader(200, "ok") as port:
        code, said = status(tmp_path, port)

    assert (code, said["state"], said["obstacle"], said["lag"]) == (0, "ready", None, 1234.0)


def test_one_that_does_not_is_stuck_whatever_its_supervisor_thinks(tmp_path):
    with reader(503, "lake-decisions: reads again (LakeUnavailable)") as port:
        code, said = status(tmp_path, port)
        _, table = status(tmp_path, port, "table")

    assert (code, said["state"], said["lag"]) == (1, "stuck", 1234.0)
    assert said["obstacle"] == "lake-decisions: reads again (LakeUnavailable)"
    assert "stuck: lake: lake-decisions: reads again (LakeUnavailable)" in table
    assert "1,234" in table


@pytest.mark.parametrize("metrics", [b"", b'oo_lake_lag{table="decisions"} NaN\n'], ids=["says nothing", "unknown"])
def test_a_lag_that_nobody_knows_is_none(tmp_path, metrics):
    with reader(200, "ok", metrics) as port:
        code, said = status(tmp_path, port)

    assert (code, said["lag"]) == (0, None)


def test_one_that_does_not_answer_is_stuck(tmp_path):
    code, said = status(tmp_path, free_port())

    assert (code, said["state"], said["obstacle"], said["lag"]) == (1, "stuck", "does not answer", None)
