"""What may be called is a list, at the entry, between transformer and predictors, and in front of LiteLLM."""

from __future__ import annotations

import json

import pytest
import yaml
from helm_chart import CHART, ROOT, named, render

ROUTES = yaml.safe_load((CHART / "files" / "routes.yaml").read_text())
OPENAPI = json.loads((ROOT / "contracts" / "openapi.json").read_text())


@pytest.fixture(scope="module")
def release():
    return named(render())


def matches(release, route):
    (rule,) = release["HTTPRoute", route]["spec"]["rules"]
    return rule["matches"]


@pytest.mark.parametrize("route", ["oo-entry", "tip-ranker-split", "tip-generator-gate"])
def test_every_path_is_named_exactly(release, route):
    assert {match["path"]["type"] for match in matches(release, route)} == {"Exact"}


def test_the_entry_and_the_split_have_the_list_that_the_embedded_stack_has(release):
    assert [match["path"]["value"] for match in matches(release, "oo-entry")] == ROUTES["entry"]
    assert matches(release, "tip-ranker-split") == [
        {"path": {"type": "Exact", "value": path}, "method": "POST"} for path in ROUTES["split"]
    ]


def test_the_list_has_our_routes_and_none_that_changes_what_is_served():
    assert {*OPENAPI["paths"]} <= {*ROUTES["entry"]}
    for word in ("repository", "load", "explain", "versions", "metrics", "docs", "openapi"):
        assert not [path for path in ROUTES["entry"] + ROUTES["split"] if word in path]


def test_litellm_runs_behind_its_gate(release):
    predictor = release["InferenceService", "tip-generator"]["spec"]["predictor"]
    (container,) = predictor["containers"]

    assert container["command"] == ["python", "-P", "/etc/litellm/litellm_gate.py"]
    assert {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")} == {
        "/health/liveliness"
    }
    mounted = release["ConfigMap", "oo-litellm"]["data"]
    assert mounted["litellm_gate.py"] == (CHART / "files" / "litellm_gate.py").read_text()
