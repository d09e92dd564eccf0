"""`storageUri: mlflow://tip-ranker@champion` is resolved once for each rollout, and its pods agree on what it is."""

from __future__ import annotations

import pytest
from cluster import found, helm, kubectl

ALIAS = {"name": "tip-ranker", "alias": "champion"}


@pytest.fixture
def moved(release, second):
    """The alias champion, moved to the second version behind the gate's back, as long as the test runs."""
    release.mlflow("POST", "registered-models/alias", ALIAS | {"version": second})
    yield second
    release.mlflow("POST", "registered-models/alias", ALIAS | {"version": "1"})


def versions(release, count=40):
    return {release.score()["model"]["version"] for _ in range(count)}


def pins():
    return {
        item["metadata"]["name"]: item["data"]
        for item in found("configmaps", "-l", "app.kubernetes.io/component=model-pin")
    }


def test_a_restarted_pod_serves_what_its_neighbours_serve_until_a_rollout(release, moved):
    pod = release.predictors()[0]["metadata"]["name"]

    kubectl("delete", "pod", pod)
    release.ready()
    restarted = versions(release)
    release.upgrade(rollout__champion__revision="again")
    release.settled(lambda said: said["model"]["version"] == moved)
    rolled_out = versions(release)
    helm("rollback", release.name)
    release.settled(lambda said: said["model"]["version"] == "1")

    assert restarted == {"1"}
    assert rolled_out == {moved}
    assert versions(release) == {"1"}
    assert {(pin["reference"], pin["version"]) for pin in pins().values()} == {
        ("mlflow://tip-ranker@champion", "1"),
        ("mlflow://tip-ranker@champion", moved),
    }


def test_a_pin_goes_with_its_replicaset(release):
    owners = {item["metadata"]["name"] for item in found("replicasets", "-l", "app.kubernetes.io/component=predictor")}

    assert {name.removesuffix("-model") for name in pins()} <= owners
