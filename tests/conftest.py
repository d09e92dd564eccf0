"""What several members' tests start: a real nats-server, and one real MLflow for all of them."""

from __future__ import annotations

import pytest
from real_mlflow import Mlflow
from real_nats import Nats


@pytest.fixture
def server(tmp_path):
    server = Nats(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory):
    server = Mlflow(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.stop()
