"""A real MLflow server with a published model, and predictors as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from example_models import NOW, card, parts
from oo_model_cards import artifact, gate
from oo_model_cards.registry import Registry
from waiting import eventually, free_port

NAME = "tip-ranker"


@pytest.fixture(scope="session")
def published(mlflow_server):
    """Version 1 of tip-ranker, which is champion."""
    registry = Registry(mlflow_server.url)
    version = registry.publish(parts(), NAME, card(name=NAME), at=NOW)
    gate.promote(registry, version, gate.CHAMPION, by="a test", reason="the first", at=NOW)
    return version


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mounted") / "model"
    artifact.write_model(folder, parts())
    return folder


class Served:
    """A predictor; `ask` gives (status, headers, JSON)."""

    def __init__(self, *arguments, **environ):
        self.port, self.grpc_port, self.shadow_port = free_port(), free_port(), free_port()
        listen = {"--http_port": self.port, "--grpc_port": self.grpc_port, "--shadow_port": self.shadow_port}
        ports = [str(word) for pair in listen.items() for word in pair]
        command = [sys.executable, "-P", "-m", "oo_predictors", "--model_name", NAME, *ports, *map(str, arguments)]
        ours = {"OO_PREDICTOR_HOST": "127.0.0.1", "OO_PREDICTOR_NATS_URL": f"nats://127.0.0.1:{free_port()}"}
        told = os.environ | ours | {f"OO_PREDICTOR_{key}": str(value) for key, value in environ.items()}
        self.process = subprocess.Popen(command, env=told, stderr=subprocess.PIPE, text=True)
        self.errors = None

    def ready(self):
        assert eventually(lambda: self.process.poll() is not None or self._answers(), patience=60.0)
        assert self.process.poll() is None, self.process.stderr.read()
        return self

    def refused(self):
        """Its exit code and its last words."""
        errors = self.process.communicate(timeout=60)[1]
        return self.process.returncode, errors

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.errors = self.process.communicate(timeout=30)[1]
        return self.process.returncode

    def ask(self, path, body=None, port=None, **headers):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.port}{path}", data, sent)  # ours
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  # as above
                return reply.status, reply.headers, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, json.loads(error.read())

    def _answers(self):
        try:
            return self.ask("/healthz/ready")[0] == 200
        except OSError:
            return False


@pytest.fixture
def start():
    """Start predictors that end with the test."""
    running = []

    def started(*arguments, **environ):
        running.append(Served(*arguments, **environ))
        return running[-1]

    yield started
    for served in running:
        served.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def predictor(model_dir):
    """One predictor for all tests that only ask."""
    served = Served("--model_dir", model_dir).ready()
    yield served
    served.stop(signal.SIGKILL)
