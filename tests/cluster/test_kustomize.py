"""The same by `kubectl apply -k`, on its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest
from cluster import ROOT, Release, environment, helm, kubectl, run
from waiting import eventually

OVERLAY = ROOT / "manifests" / "overlays" / "local"
NAMESPACE = "oo-ml"


@pytest.fixture
def applied(monkeypatch):
    """The overlay, applied to a cluster that holds nothing of ours."""
    environment()
    assert not json.loads(helm("list", "--output", "json")), "test_uninstall comes first"
    subprocess.run([Path(__file__).parent / "lab" / "volumes"], check=True)
    monkeypatch.setattr("cluster.NAMESPACE", NAMESPACE)
    run("kubectl", "apply", "--server-side", "-k", OVERLAY)
    yield Release()
    run("kubectl", "delete", "-k", OVERLAY, "--timeout=240s")


@pytest.mark.timeout(600)
def test_it_answers_and_goes(applied):
    assert eventually(lambda: sound(applied), patience=290)


def sound(release):
    """A /score through the entry, by a predictor, in a namespace that enforces `restricted`."""
    parsed_json = (
        json.loads(kubectl("get", "gateway", "oo-entry", "--output", "json")).get("status", {}).get("addresses")
    )
    if not parsed_json:
        return False
    try:
        return release.score()["degraded"] is None
    except (httpx.HTTPError, ValueError, KeyError):  # not yet
        return False
