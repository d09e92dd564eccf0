"""A pod outside the allowed edges cannot call the predictor, where the cluster's network enforces NetworkPolicies."""

from __future__ import annotations

import json

import pytest
from cluster import kubectl
from waiting import eventually

STRANGER = "stranger"
CALL = "import urllib.request as u; print(u.urlopen('http://tip-ranker-predictor/healthz/ready', timeout=5).status)"


@pytest.fixture
def stranger(release):
    """What a pod that belongs to nobody says when it calls the predictor."""
    image = release.pods("transformer")[0]["spec"]["containers"][0]["image"]
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "c", "image": image, "command": ["python", "-c", CALL], "securityContext": restricted}
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "containers": [container], "securityContext": security}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": STRANGER}, "spec": spec}
    kubectl("apply", "--filename", "-", given=json.dumps(pod))
    yield lambda: kubectl("get", "pod", STRANGER, "--output", "jsonpath={.status.phase}")
    kubectl("delete", "pod", STRANGER)


def test_a_stranger_does_not_reach_the_predictor(stranger):
    assert eventually(lambda: stranger() in {"Succeeded", "Failed"}, patience=120)
    if stranger() == "Succeeded":
        pytest.skip("this cluster's network enforces no NetworkPolicy; tests/charts asserts their edges")
    assert "timed out" in kubectl("logs", STRANGER)
