"""A real training that is killed against a real MLflow: the next one closes what it left, and serves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow import MlflowClient
from oo_consumers.effect_store import Store
from oo_model_cards.registry import Registry
from oo_model_cards.training_run import CLOSED_TAG
from oo_model_cards.version import NotFound, RegistryUnavailable
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers
from oo_pipelines.training import train
from oo_pipelines.training.dataset import NotEnough
from real_mlflow import Mlflow
from waiting import free_port

pytestmark = [pytest.mark.real, pytest.mark.long]
NAME = PipelineSettings.model_fields["model_name"].default
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOURCES = {"ScoreDecision": "decisions", "Feedback": "feedback", "Signal": "signals"}
KILLED = """
import signal, sys
sys.path.append(sys.argv.pop())
from killed_trainings import met_after
met_after(sys.argv.pop(), signal.SIGKILL)
from oo_pipelines.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def store_url(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('past')}/effects.db"
    events = [event for _, event in Simulation(SimulatedUsers(1, 60), NOW, 5).events()]
    store = Store.open(url)
    for kind, source in SOURCES.items():
        store.record_all(source, [event for event in events if type(event).__name__ == kind])
    store.close()
    return url


@pytest.fixture
def mlflow(tmp_path):
    """A server of the test's own: the model has the product's name, for only that has a card."""
    server = Mlflow(tmp_path)
    server.start()
    yield server
    server.stop()


def killed(stage, store_url, uri):
    """`python -m oo_pipelines train`, which does not outlive that call of MLflow's client."""
    told = {"STORE_URL": store_url, "TRACKING_URI": uri, "MIN_ROUNDS": "50"}
    environ = os.environ | {f"OO_PIPELINE_{key}": value for key, value in told.items()}
    support = Path(__file__).parents[2] / "support"
    command = [sys.executable, "-P", "-c", KILLED, "train", stage, str(support)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)


def test_the_next_training_closes_those_that_were_killed(store_url, mlflow):
    settings = PipelineSettings(store_url=store_url, tracking_uri=mlflow.url, min_rounds=50)

    early, late = (killed(stage, store_url, mlflow.url) for stage in ("create_run", "create_model_version"))
    outcome = train.run(settings, NOW, lambda *_: None)

    client = MlflowClient(mlflow.url)
    experiment = client.get_experiment_by_name(NAME).experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    assert (early.returncode, late.returncode) == (-signal.SIGKILL, -signal.SIGKILL), early.stderr + late.stderr
    assert [run.info.status for run in runs] == ["KILLED", "KILLED", "FINISHED"]
    assert "removed version 1" in runs[1].data.tags[CLOSED_TAG]
    assert [str(found.version) for found in client.search_model_versions(f"name = '{NAME}'")] == [outcome.version]
    assert Registry(mlflow.url).aliases(NAME) == {"champion": outcome.version}


def test_a_registry_that_is_away_is_said_and_what_the_store_lacks_is_said_first(store_url, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(NotEnough, match="999999 are needed"):
        train.run(PipelineSettings(store_url=store_url, tracking_uri=away, min_rounds=999_999), NOW, lambda *_: None)

    assert "runs that were killed stay open" in caplog.text


@pytest.mark.parametrize("error", [NotFound("run r-1 was not found"), RegistryUnavailable("500")])
def test_no_answer_about_killed_runs_ends_a_training(error, store_url, monkeypatch, caplog):
    """A run that another training closes at the same time may be gone."""

    def refuse(*_):
        raise error

    monkeypatch.setattr(Registry, "close_abandoned", refuse)

    with pytest.raises(NotEnough):
        train.run(PipelineSettings(store_url=store_url, min_rounds=999_999), NOW, lambda *_: None)

    assert f"runs that were killed stay open: {error}" in caplog.text
