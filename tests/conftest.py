"""What several members' tests start, and which system the behavioural ones talk to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from real_mlflow import Mlflow
from real_nats import Nats
from typescript import install

CLUSTER = Path(__file__).parent / "cluster"

# How long an example takes is the machine's affair, and no claim of ours: by default 0.2 s are a failure.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_addoption(parser):
    told = (
        "what tests/stack talks to: the embedded stack, which it starts, or a release on a cluster (make test-cluster)"
    )
    parser.addoption("--target", choices=("embedded", "cluster"), default="embedded", help=told)


def pytest_ignore_collect(collection_path, config):
    """The tests of tests/cluster are there for a cluster alone."""
    if collection_path == CLUSTER and config.getoption("--target") == "embedded":
        return True
    return None


def pytest_runtest_setup(item):
    told = item.get_closest_marker("embedded")
    if told and item.config.getoption("--target") == "cluster":
        pytest.skip(f"of the embedded stack alone: {told.args[0]}")


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


@pytest.fixture(scope="session")
def release():
    """The chart, installed into an empty namespace with Pod Security `restricted`."""
    import cluster  # noqa: PLC0415  # only with --target cluster

    cluster.environment()
    cluster.namespace()
    installed = cluster.Release()
    if cluster.helm("list", "--short"):  # of an earlier run with KEEP=1, for people at work on the tests
        installed.upgrade()
    else:
        installed.install()
    installed.ready()
    installed.settled(lambda said: said["degraded"] is None)
    return installed


@pytest.fixture(scope="session")
def typescript(tmp_path_factory):
    """The TypeScript client with its packages, by Node."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on PATH: the TypeScript client is not compiled")
    return install(tmp_path_factory.mktemp("typescript"))
