"""An MLflow that asks who calls: MLflow's own variables, which the chart hands on from a Secret."""

from __future__ import annotations

import base64
from http.server import BaseHTTPRequestHandler

import pytest
from http_server import serving
from oo_model_cards.registry import Registry, RegistryError

BASIC = "Basic " + base64.b64encode(b"oo:p:ss").decode()


class Guarded(BaseHTTPRequestHandler):
    """Tells nobody anything, and remembers what was said to it."""

    def do_GET(self):
        self.server.seen.append(self.headers["authorization"])
        self.send_response(401)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


@pytest.fixture
def guarded():
    with serving(Guarded, seen=[]) as server:
        yield server


@pytest.mark.parametrize(
    ("environ", "header"),
    [
        pytest.param({"MLFLOW_TRACKING_USERNAME": "oo", "MLFLOW_TRACKING_PASSWORD": "p:ss"}, BASIC, id="a password"),
        pytest.param({"MLFLOW_TRACKING_TOKEN": "t0ken"}, "Bearer t0ken", id="a token"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_registry_says_who_it_is(guarded, monkeypatch, environ, header):
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(RegistryError):
        Registry(f"http://127.0.0.1:{guarded.server_address[1]}").resolve("tip-ranker@champion")

    assert set(guarded.seen) == {header}
