"""What the chart takes as values, and what it refuses, naming it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from helm_chart import CHART, MANIFESTS, ROOT, ask, helm, render, script, template

REFUSED = {
    # keys that are not there
    "global.imageRegistry: number": {"global": {"imageRegistry": 5}},
    "replica": {"replica": 2},
    "transfomer": {"transfomer": {"replicas": 2}},
    "transformer: replica": {"transformer": {"replica": 2}},
    "rollout: challanger": {"rollout": {"challanger": {"name": "v2"}}},
    "rollout.challenger: mirror": {"rollout": {"challenger": {"mirror": 100}}},
    "rollout.champion: weight": {"rollout": {"champion": {"weight": 100}}},
    "predictor.resources: request": {"predictor": {"resources": {"request": {"cpu": "1"}}}},
    "nats: uri": {"nats": {"uri": "nats://elsewhere:4222"}},
    # of the wrong type
    "transformer.replicas: string": {"transformer": {"replicas": "2"}},
    "persistence.enabled: string": {"persistence": {"enabled": "false"}},
    "image.tag: number": {"image": {"tag": 1.2}},
    "gateway.hostnames: string": {"gateway": {"hostnames": "ml.example"}},
    "nats.resources.limits.memory: boolean": {"nats": {"resources": {"limits": {"memory": True}}}},
    "podDisruptionBudgets: object": {"podDisruptionBudgets": {"enabled": True}},
    # out of range
    "rollout.challenger.weight: 101": {"rollout": {"challenger": {"weight": 101}}},
    "rollout.challenger.mirrorPercent: -1": {"rollout": {"challenger": {"mirrorPercent": -1}}},
    "transformer.epsilon: 1.5": {"transformer": {"epsilon": 1.5}},
    "consumers.replicas: 0": {"consumers": {"replicas": 0}},
    # not one of those there are
    "nats.replicas: 2": {"nats": {"replicas": 2}},
    "nats.durability: safe": {"nats": {"durability": "safe"}},
    "gateway.serviceType: Loadbalancer": {"gateway": {"serviceType": "Loadbalancer"}},
    "autoscaling.class: external": {"autoscaling": {"class": "external"}},
}


@pytest.mark.parametrize("where", REFUSED)
def test_a_slip_in_the_values_is_refused_with_its_path(where):
    path = where.partition(": ")[0]

    done = template(**REFUSED[where])

    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert f"- {path}: " in done.stderr or f"- (root): Additional property {path}" in done.stderr
    assert done.stderr.count("\n- ") == 1


def test_every_default_is_a_value_that_is_accepted():
    assert template(**yaml.safe_load((CHART / "values.yaml").read_text())).returncode == 0


def test_the_values_of_a_parent_chart_are_accepted():
    assert template(**{"global": {"anything": "at all"}}).returncode == 0


@pytest.mark.parametrize("registry", ["mirror.example/hub", "mirror.example/hub/", "mirror.example:5000"])
@pytest.mark.parametrize("more", [{}, {"image": {"registry": "ours.example/"}}, {"mlflow": {"url": ""}}])
def test_a_registry_for_all_charts_stands_before_every_image(registry, more):
    images = images_of(render(**{"global": {"imageRegistry": registry}}, **more))

    assert {image for image in images if not image.startswith(f"{registry.rstrip('/')}/")} == set()
    assert {name.rpartition("/")[2] for name in images} >= {"nats:2.15.1", "postgres:15"}


def test_without_one_each_image_is_where_it_was():
    images = images_of(render(image={"registry": "ours.example/"}))

    assert {image for image in images if not image.startswith("ours.example/oo-ml/")} == {"nats:2.15.1", "postgres:15"}


def images_of(thing):
    """All that is said under the key `image`, which is text, anywhere."""
    if isinstance(thing, dict):
        own = {thing["image"]} if isinstance(thing.get("image"), str) else set()
        return own.union(*map(images_of, thing.values()))
    return set().union(*map(images_of, thing)) if isinstance(thing, list) else set()


def test_what_follows_from_the_chart_is_current():
    words = [sys.executable, "-P", ROOT / "scripts" / "chart.py", "--check"]

    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "OO_HELM": helm()})

    assert done.returncode == 0, done.stderr


def test_what_is_stale_is_named(tmp_path, monkeypatch):
    chart = script()
    stale = tmp_path / "manifests" / "base.yaml"
    monkeypatch.setattr(chart, "ROOT", tmp_path)
    monkeypatch.setattr(chart, "FILES", {stale: lambda: "new"})

    with pytest.raises(SystemExit) as refusal:
        chart.main(["--check"])

    assert refusal.value.code == "stale: manifests/base.yaml; run `make chart`"


def test_a_value_without_a_meaning_is_not_accepted_into_the_chart():
    chart, text = script(), "transformer:\n  replicas: 2\n"

    with pytest.raises(SystemExit, match=r"values.yaml:2: say behind the value what it means"):
        chart.properties_of(yaml.compose(text), text)


def test_the_schema_is_made_from_the_values_and_the_comments_behind_them():
    text = """
a: 1          # (at least 1)
b: 0.5        # (0 to 1)
c: fast       # (one of: fast, strict)
d: []         # names
e: "#"        # a word
f: {requests: {cpu: 1}}  # of it
"""

    found = script().properties_of(yaml.compose(text), text)

    amounts = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
    assert found == {
        "a": {"description": "(at least 1)", "type": "integer", "minimum": 1},
        "b": {"description": "(0 to 1)", "type": "number", "minimum": 0, "maximum": 1},
        "c": {"description": "(one of: fast, strict)", "type": "string", "enum": ["fast", "strict"]},
        "d": {"description": "names", "type": "array", "items": {"type": "string"}},
        "e": {"description": "a word", "type": "string"},
        "f": {
            "description": "of it",
            "type": "object",
            "additionalProperties": False,
            "properties": {"requests": amounts},
        },
    }


def test_every_object_in_the_schema_is_closed():
    schema = json.loads((CHART / "values.schema.json").read_text())
    del schema["properties"]["global"]

    def open_ones(part, path):
        if part.get("type") == "object" and part["additionalProperties"] is True:
            yield path
        for name, below in part.get("properties", {}).items():
            yield from open_ones(below, f"{path}.{name}")

    assert list(open_ones(schema, "")) == []


def test_helm_finds_nothing_to_complain_about():
    done = ask("lint", "--strict", CHART)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 chart(s) failed" in done.stdout


def test_the_base_is_what_helm_renders_byte_for_byte():
    words = [helm(), "template", "oo-ml", CHART, "--namespace", "oo-ml", "--no-hooks"]

    rendered = subprocess.run(words, capture_output=True, check=True).stdout

    assert (MANIFESTS / "base" / "oo-ml.yaml").read_bytes() == rendered


MISTAKES = {
    "rollout.challenger.model: say what the challenger serves": {"rollout": {"challenger": {"name": "v2"}}},
    "rollout.challenger.weight: there is no challenger to give weight to": {"rollout": {"challenger": {"weight": 10}}},
    "rollout.challenger.name: v2 is the champion's name": {
        "rollout": {"champion": {"name": "v2"}, "challenger": {"name": "v2", "model": "mlflow://tip-ranker/2"}}
    },
    "rollout.challenger.replicas: KServe allows no more than predictor.replicas": {
        "rollout": {"challenger": {"name": "v2", "model": "mlflow://tip-ranker/2", "replicas": 3}}
    },
    "mlflow.url: the built-in MLflow needs the built-in PostgreSQL": {"postgres": {"urlSecretName": "postgres"}},
}


@pytest.mark.parametrize("message", MISTAKES)
def test_values_that_cannot_work_together_are_refused(message):
    done = template(**MISTAKES[message])

    assert done.returncode != 0
    assert message in done.stderr
