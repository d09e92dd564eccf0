"""Aliases that move while calls go on: no call fails, and none is answered without a model."""

from __future__ import annotations

import contextlib

import pytest
from load import under_load
from mlflow import MlflowClient
from waiting import eventually

pytestmark = [
    pytest.mark.embedded("it moves MLflow's aliases without the gate"),
    pytest.mark.timeout(1200),
    pytest.mark.long,
]
RATE = 20  # calls per second
NAME = "tip-ranker"


def client(stack):
    return MlflowClient(stack.status()["mlflow_url"])


def point(stack, alias, version):
    client(stack).set_registered_model_alias(NAME, alias, version)


def without_digest(stack):
    """A version that no predictor loads: it is not said what its files have to be."""
    first = client(stack).get_model_version(NAME, "1")
    model_id = first.source.split("/models/")[1].split("/")[0]
    made = client(stack).create_model_version(NAME, first.source, first.run_id, model_id=model_id)
    return str(made.version)


@contextlib.contextmanager
def unharmed(stack):
    """Calls that go on inside, all of which are answered by a model."""
    with under_load(stack.url, RATE) as load:
        yield load
    assert load.failures == []
    assert not load.degraded
    assert sum(load.versions.values()) == load.sent


@pytest.fixture(scope="module")
def versions(own_stack):
    """The champion, and a version that was trained after it."""
    return own_stack.status()["champion"], own_stack.train()["version"]


def served(stack, champion, challenger):
    """Whether these are served, and nothing else runs."""
    status = stack.status()
    predictors = {item["name"] for item in status["processes"]} & {
        *("predictor", "predictor (next)", "predictor (old)"),
        *("challenger", "challenger (next)", "challenger (old)"),
    }
    wanted = {"predictor", "challenger"} if challenger else {"predictor"}
    return (status["champion"], status["challenger"]) == (champion, challenger) and predictors == wanted


def test_no_call_is_lost_by_promotion_and_rollback(own_stack, versions):
    old, new = versions
    assert eventually(lambda: served(own_stack, old, new), patience=240, every=0.5)

    with unharmed(own_stack) as load:
        point(own_stack, "champion", new)
        assert eventually(lambda: served(own_stack, new, None), patience=240, every=0.5), own_stack.status()
        point(own_stack, "champion", old)
        assert eventually(lambda: served(own_stack, old, new), patience=240, every=0.5), own_stack.status()

    assert set(load.versions) == {old, new}
    assert own_stack.post("/score", {"user_id": "u", "tasks": [{"id": "1"}]}).json()["model"]["version"] == old


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_and_status_says_so(own_stack, versions):
    old, _ = versions
    broken = without_digest(own_stack)
    with unharmed(own_stack) as load:
        point(own_stack, "champion", broken)
        assert eventually(lambda: own_stack.status()["warnings"], patience=400, every=0.5)
        table = own_stack.oo_ml("status", check=False).stdout
        point(own_stack, "champion", old)
        assert eventually(lambda: not own_stack.status()["warnings"], patience=400, every=0.5)

    assert f"version {broken} is not served, version {old} goes on" in table
    assert f"oo-ml logs predictor --data {own_stack.data}" in table
    assert set(load.versions) == {old}


def test_a_challenger_comes_and_goes_without_a_lost_call(own_stack, versions):
    old, new = versions
    assert eventually(lambda: served(own_stack, old, new), patience=240, every=0.5)
    with unharmed(own_stack):
        point(own_stack, "challenger", old)  # which is the champion's, so there is none
        assert eventually(lambda: served(own_stack, old, None), patience=240, every=0.5), own_stack.status()
        point(own_stack, "challenger", new)
        assert eventually(lambda: served(own_stack, old, new), patience=240, every=0.5), own_stack.status()
