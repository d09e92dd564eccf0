"""What `helm install` gave: it answers, it is admitted, and it holds no more power than it needs."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest
from cluster import found, helm, kubectl
from nats_reader import events

ASK = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}
PRIVILEGED = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "privileged"},
    "spec": {"containers": [{"name": "c", "image": "none", "securityContext": {"privileged": True}}]},
}


def test_a_score_and_a_tip_come_through_the_entry(release):
    score, tip = release.post("/score", ASK), release.post("/generate", ASK)

    assert (score.status_code, score.json()["chosen"], score.json()["degraded"]) == (200, "t-1", None)
    assert (tip.status_code, tip.json()["prompt_version"]) == (200, "v1")


def test_helm_test_passes(release):
    assert "Phase:          Succeeded" in helm("test", release.name, "--timeout", "3m")


def test_what_the_namespace_forbids_is_refused_and_everything_of_ours_is_admitted(release):
    refused = kubectl("apply", "--filename", "-", given=json.dumps(PRIVILEGED), check=False)
    events = [event["message"] for event in found("events") if event["reason"] in {"FailedCreate", "FailedAdmission"}]

    assert "violates PodSecurity" in refused
    assert not [message for message in events if "PodSecurity" in message]
    assert all(item["status"].get("readyReplicas") for item in found("deployments", "--selector", "app"))


def test_only_what_talks_to_kubernetes_holds_a_token(release):
    holders = {
        (pod["metadata"]["labels"]["app.kubernetes.io/component"], container["name"])
        for pod in found("pods", "--selector", "app.kubernetes.io/part-of=oo-ml")
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]
        if any("serviceaccount" in mount["mountPath"] for mount in container.get("volumeMounts", ()))
    }

    assert holders == {("predictor", "storage-initializer"), ("secrets", "secrets")}


def test_one_request_id_goes_from_the_caller_to_the_predictor(release):
    request = str(uuid.uuid4())

    release.post("/score", ASK | {"request_id": request}, **{"x-request-id": "another"})

    logged = events(release, "predictions.tip-ranker", lambda event: event["request_id"] == request)
    assert [event["role"] for event in logged] == ["live"]


@pytest.mark.parametrize("path", ["/metrics", "/", "/v1x/models", "/admin", "/v2/repository/models/tip-ranker/unload"])
def test_other_paths_end_at_the_gateway(release, path):
    for method in ("GET", "POST"):
        reply = httpx.request(method, f"{release.url}{path}")
        assert (reply.status_code, reply.headers.get("server")) == (404, None)


def test_the_inner_hosts_cannot_be_named_from_outside(release):
    for host in ("tip-ranker-split.oo", "tip-generator-gate.oo"):
        reply = release.post("/v1/chat/completions", {}, host=host)
        assert (reply.status_code, reply.headers.get("server")) == (404, None), "no service saw it"
