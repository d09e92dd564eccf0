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
    with release.replaced():
        release.upgrade(rollout__champion__revision="again")
    rolled_out = versions(release)
    with release.replaced():
        helm("rollback", release.name)
    rolled_back = versions(release)

    assert (restarted, rolled_out, rolled_back) == ({"1"}, {moved}, {"1"})
    assert {(pin["reference"], pin["version"]) for pin in pins().values()} == {
        ("mlflow://tip-ranker@champion", "1"),
        ("mlflow://tip-ranker@champion", moved),
    }


def test_a_pin_goes_with_its_replicaset(release):
    owners = {item["metadata"]["name"] for item in found("replicasets", "-l", "app.kubernetes.io/component=predictor")}

    assert {name.removesuffix("-model") for name in pins()} <= owners
