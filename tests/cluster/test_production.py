"""What one sets in production: TLS, three NATS servers, strict durability, autoscalers, and data that is kept."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest
from cluster import CHART, Release, environment, found, helm, kubectl, namespace
from nats_reader import events, replicas

HERE = Path(__file__).parent
HOST = "ml.example"
ASK = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}
KEPT = {"data-oo-mlflow-0", "data-oo-postgres-0", "data-oo-nats-0", "data-oo-nats-1", "data-oo-nats-2"}

pytestmark = pytest.mark.timeout(600)


class Production(Release):
    """A release that is called by TLS and a host name."""

    def score(self, request: str | None = None) -> dict:
        body = ASK | ({"request_id": request} if request else {})
        reply = self.tls(body, host=HOST)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def tls(self, body: dict, **headers: str) -> httpx.Response:
        """A call whose certificate is nobody's: it is of this test's own making."""
        url = f"{self.url.replace('http', 'https')}/score"
        return httpx.post(url, json=body, headers=headers, verify=False, timeout=30)  # noqa: S501  # as above

    def install(self) -> None:
        values = HERE / "production.yaml"
        helm("install", self.name, CHART, "--values", values, "--wait", "--wait-for-jobs", "--timeout", "5m")
        self.ready()
        self.settled(lambda said: said["degraded"] is None)


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    """Installed where nothing of ours is; what it leaves on purpose goes at the end."""
    environment()
    assert not json.loads(helm("list", "--output", "json")), "test_uninstall comes first"
    subprocess.run([HERE / "lab" / "volumes"], check=True)
    namespace()
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}")
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    kubectl("delete", "secret", "certificate", "--ignore-not-found")
    kubectl("create", "secret", "tls", "certificate", "--cert", certificate, "--key", key)
    release = Production()
    release.install()
    yield release
    helm("uninstall", release.name, "--wait")
    kubectl("delete", "secret,pvc", "--all")


def test_the_entry_speaks_tls_for_its_host_alone(production):
    other = production.tls(ASK)

    assert production.score()["chosen"] == "t-1"
    assert other.status_code == 404


def test_streams_have_three_copies_and_one_server_may_go(production):
    assert set(replicas(production).values()) == {3}

    kubectl("delete", "pod", "oo-nats-1", "--wait=false")
    for number in range(20):
        production.score(f"without-one-{number}")

    decided = events(
        production, "decisions.score", lambda event: event["request_id"].startswith("without-one-"), 20, 60
    )
    assert len({event["request_id"] for event in decided}) == 20


def test_transformer_and_champion_have_autoscalers(production):
    scaled = {item["spec"]["scaleTargetRef"]["name"]: item["spec"] for item in found("hpa")}

    assert set(scaled) == {"tip-ranker-transformer", "tip-ranker-predictor"}
    assert all((spec["minReplicas"], spec["maxReplicas"]) == (2, 6) for spec in scaled.values())


def test_the_data_and_its_passwords_outlive_the_release(production):
    before = decisions(production)
    helm("uninstall", production.name, "--wait")
    kept = {item["metadata"]["name"] for item in found("pvc")}
    secrets = {item["metadata"]["name"] for item in found("secrets")}

    production.install()

    assert kept == KEPT
    assert "oo-ml-secrets" in secrets
    assert before <= decisions(production, len(before))  # the oldest of the stream come first
    assert production.score()["model"]["version"] == "1", "the champion is the one that was trained before"


def decisions(release, count=20):
    return {event["request_id"] for event in events(release, "decisions.score", lambda _: True, count)}
