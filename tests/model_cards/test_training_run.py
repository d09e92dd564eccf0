"""A training that was killed leaves nothing for ever; one that is alive is left alone."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from example_models import NOW, card, parts
from killed_trainings import STAGES, published_until
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from oo_model_cards import process_identity, training_run
from oo_model_cards.abandoned_runs import UNLEASED_S
from oo_model_cards.process_identity import ProcessIdentity
from oo_model_cards.registry import Registry
from oo_model_cards.training_run import CLOSED_TAG, LEASE_S, LEASE_TAG, PROCESS_TAG
from oo_model_cards.version import NotFound, RegistryError
from waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.long]


def runs(registry, name):
    """The model's runs, first to last."""
    client = registry._client()
    experiment = client.get_experiment_by_name(name)
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]) if experiment else []


def numbers(registry, name):
    return sorted(int(version.version) for version in registry._client().search_model_versions(f"name = '{name}'"))


def statuses(registry, name):
    return [run.info.status for run in runs(registry, name)]


def pending(registry, name):
    client = registry._client()
    found = client.search_logged_models([client.get_experiment_by_name(name).experiment_id])
    return [model for model in found if str(model.status) == "PENDING"]


def published(registry, name):
    return registry.publish(parts(), name, card(name=name), at=NOW)


@pytest.fixture(scope="module")
def http(mlflow_server):
    return Registry(mlflow_server.url)


@pytest.fixture
def left_open(local_registry, name):
    """A run that is RUNNING and a version of it, with the given tags; the version's number."""

    def leave(title=None, **tags):
        client = local_registry._client()
        experiment = local_registry._experiment(client, name)
        run = client.create_run(experiment, run_name=title or f"train {name}", tags=tags).info
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            assert error.error_code == "RESOURCE_ALREADY_EXISTS"  # noqa: PT017  # any other is an error of the test
        return int(client.create_model_version(name, f"{run.artifact_uri}/model", run.run_id).version)

    return leave


def of(lasts=0.0, **other):
    """The tags of a process somewhere else, whose lease lasts so many seconds longer."""
    told = {"host": "pod-7", "space": "pod-7 another boot", "pid": 1, "started": "5"} | other
    until = datetime.now(UTC) + timedelta(seconds=lasts)
    return {PROCESS_TAG: ProcessIdentity(**told).model_dump_json(), LEASE_TAG: until.isoformat()}


@pytest.mark.parametrize("stage", STAGES)
def test_a_training_killed_after_any_call_is_closed_and_leaves_no_version(http, mlflow_server, name, stage):
    child = published_until(mlflow_server.url, name, stage, signal.SIGKILL)
    child.join(120)
    assert (child.exitcode, statuses(http, name)) == (-signal.SIGKILL, ["RUNNING"])

    closed = http.close_abandoned(name)
    (run,) = runs(http, name)

    assert list(closed) == [run.info.run_id]
    assert f"process {child.pid} on " in run.data.tags[CLOSED_TAG]
    assert "ended without closing it" in run.data.tags[CLOSED_TAG]
    assert (run.info.status, numbers(http, name), pending(http, name)) == ("KILLED", [], [])
    assert run.info.end_time is not None
    assert http.close_abandoned(name) == {}


def test_the_next_version_after_a_killed_training_is_whole(http, mlflow_server, name):
    first = published(http, name)
    published_until(mlflow_server.url, name, "create_model_version", signal.SIGKILL).join(120)
    assert numbers(http, name) == [1, 2]

    http.close_abandoned(name)
    last = published(http, name)

    assert numbers(http, name) == [1, int(last.version)]
    assert statuses(http, name) == ["FINISHED", "KILLED", "FINISHED"]
    assert http.card(first).problems() == http.card(last).problems() == ()


def test_a_training_that_is_alive_is_left_alone_and_finishes(http, mlflow_server, name):
    """Stopped, not ended: its lease cannot be renewed, and its process can be seen."""
    child = published_until(mlflow_server.url, name, "create_model_version", signal.SIGSTOP)
    assert eventually(lambda: numbers(http, name) == [1], patience=120)
    assert eventually(lambda: stopped(child.pid), patience=20)
    later = Registry(mlflow_server.url, clock=lambda: datetime.now(UTC) + timedelta(days=30))

    closed = later.close_abandoned(name)
    os.kill(child.pid, signal.SIGCONT)
    child.join(120)

    assert (closed, child.exitcode) == ({}, 0)
    assert statuses(http, name) == ["FINISHED"]
    assert http.card(http.resolve(f"{name}/1")).problems() == ()


def stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_process_elsewhere_keeps_its_run_for_its_lease(local_registry, left_open, name):
    left_open(**of(lasts=LEASE_S))

    assert local_registry.close_abandoned(name) == {}
    assert (statuses(local_registry, name), numbers(local_registry, name)) == (["RUNNING"], [1])


def test_a_process_elsewhere_whose_lease_is_over_loses_its_run(local_registry, left_open, name):
    left_open(**of(lasts=-1))

    (why,) = local_registry.close_abandoned(name).values()

    assert "the lease of process 1 on pod-7 ended at" in why
    assert (statuses(local_registry, name), numbers(local_registry, name)) == (["KILLED"], [])


def test_a_process_number_that_was_used_again_is_not_the_process(local_registry, left_open, name):
    left_open(**of(lasts=LEASE_S, **process_identity.current().model_dump() | {"pid": os.getppid(), "started": "5"}))

    (why,) = local_registry.close_abandoned(name).values()

    assert f"process {os.getppid()} on" in why


def test_an_earlier_attempt_of_this_very_process_is_closed_once_its_lease_is_over(local_registry, left_open, name):
    left_open(**of(lasts=LEASE_S, **process_identity.current().model_dump()))
    left_open(**of(lasts=-1, **process_identity.current().model_dump()))

    closed = local_registry.close_abandoned(name)

    assert len(closed) == 1
    assert sorted(statuses(local_registry, name)) == ["KILLED", "RUNNING"]
    assert numbers(local_registry, name) == [1]


def test_a_run_of_an_earlier_version_is_closed_when_it_is_old(local_registry, left_open, name):
    left_open()
    later = Registry(local_registry._uri, clock=lambda: datetime.now(UTC) + timedelta(seconds=UNLEASED_S + 60))

    at_once, after_a_day = local_registry.close_abandoned(name), later.close_abandoned(name)

    assert (at_once, len(after_a_day)) == ({}, 1)
    assert "it names no process and began at" in next(iter(after_a_day.values()))
    assert (statuses(local_registry, name), numbers(local_registry, name)) == (["KILLED"], [])


@pytest.mark.parametrize("tags", [{}, of(lasts=-1)])
def test_a_run_that_is_no_training_of_this_model_is_nobodys_business(local_registry, left_open, name, tags):
    left_open("a study of mine", **tags)
    later = Registry(local_registry._uri, clock=lambda: datetime.now(UTC) + timedelta(days=30))

    assert later.close_abandoned(name) == {}
    assert (statuses(local_registry, name), numbers(local_registry, name)) == (["RUNNING"], [1])


def test_a_version_that_an_alias_names_stays(local_registry, left_open, name):
    left_open(**of(lasts=-1))
    local_registry._client().set_registered_model_alias(name, "mine", "1")

    local_registry.close_abandoned(name)

    assert (statuses(local_registry, name), numbers(local_registry, name)) == (["KILLED"], [1])


def test_whoever_is_killed_while_closing_is_taken_up_by_the_next(local_registry, left_open, name, monkeypatch):
    left_open(**of(lasts=-1))

    def dead(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlflow.MlflowClient.set_terminated", dead)
    with pytest.raises(KeyboardInterrupt):
        local_registry.close_abandoned(name)
    monkeypatch.undo()
    assert statuses(local_registry, name) == ["RUNNING"]

    assert len(local_registry.close_abandoned(name)) == 1
    assert statuses(local_registry, name) == ["KILLED"]


def test_two_that_close_at_once_do_not_fail(http, mlflow_server, name):
    for _ in range(2):
        published_until(mlflow_server.url, name, "create_model_version", signal.SIGKILL).join(120)
    errors = []

    def close():
        try:
            Registry(mlflow_server.url).close_abandoned(name)
        except RegistryError as error:
            errors.append(error)

    threads = [threading.Thread(target=close) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (errors, statuses(http, name), numbers(http, name)) == ([], ["KILLED", "KILLED"], [])


def test_who_writes_the_reason_second_is_not_at_fault(http, mlflow_server, name, monkeypatch):
    """Of two that insert one tag at once, the database refuses the second."""
    published_until(mlflow_server.url, name, "create_model_version", signal.SIGKILL).join(120)
    set_tag = MlflowClient.set_tag

    def refused(client, run_id, key, value, *rest):
        set_tag(client, run_id, key, value, *rest)
        raise MlflowException("UNIQUE constraint failed: tags.key, tags.run_uuid")

    monkeypatch.setattr(MlflowClient, "set_tag", refused)
    Registry(mlflow_server.url).close_abandoned(name)

    assert statuses(http, name) == ["KILLED"]


def test_a_model_that_nobody_trained_has_nothing_to_close(local_registry):
    assert local_registry.close_abandoned("never-heard-of") == {}


def test_a_publication_that_fails_leaves_a_failed_run_and_no_version(local_registry, name, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("no card today")

    monkeypatch.setattr("oo_model_cards.registry.markdown", refuse)

    with pytest.raises(ValueError, match="no card today"):
        published(local_registry, name)

    (run,) = runs(local_registry, name)
    assert (run.info.status, numbers(local_registry, name)) == ("FAILED", [])
    assert run.data.tags[CLOSED_TAG] == "ValueError: no card today; removed version 1"


def test_who_wakes_after_its_run_was_closed_registers_nothing(local_registry, name, monkeypatch):
    finalize = "mlflow.MlflowClient.finalize_logged_model"
    client = local_registry._client()

    def closed_meanwhile(self, model_id, status):
        monkeypatch.undo()
        (run,) = runs(local_registry, name)
        client.set_tag(run.info.run_id, CLOSED_TAG, "its lease ended")
        client.set_terminated(run.info.run_id, "KILLED")
        return self.finalize_logged_model(model_id, status)

    monkeypatch.setattr(finalize, closed_meanwhile)

    with pytest.raises(RegistryError, match="was closed: its lease ended"):
        published(local_registry, name)

    with pytest.raises(NotFound):
        local_registry.resolve(f"{name}/1")


def test_a_long_publication_renews_its_lease(local_registry, name, monkeypatch):
    monkeypatch.setattr(training_run, "RENEWAL_S", 0.05)
    client = local_registry._client()
    experiment = local_registry._experiment(client, name)

    with training_run.open_run(client, experiment, name, training_run.now) as run:
        first = client.get_run(run.run_id).data.tags[LEASE_TAG]
        assert eventually(lambda: client.get_run(run.run_id).data.tags[LEASE_TAG] > first, patience=20)

    assert statuses(local_registry, name) == ["FINISHED"]
