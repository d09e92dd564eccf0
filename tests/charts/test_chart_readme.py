"""What the chart's README tells people to do does what it says."""

from __future__ import annotations

import re

import pytest
import yaml
from helm_chart import CHART, ask, named, objects, render, template

README = (CHART / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
STEPS = re.findall(r"--reuse-values --set (\S+)", README)
OLD, NEW = "tip-ranker-serving", "tip-ranker-serving-v2"

# after each step: who answers how much, and who gets copies
EXPECTED = [
    ({OLD: 100, NEW: 0}, [NEW]),
    ({OLD: 90, NEW: 10}, [NEW]),
    ({OLD: 50, NEW: 50}, [NEW]),
    ({OLD: 0, NEW: 100}, [NEW]),
    ({NEW: 100}, []),
]


def after(steps):
    """What is installed when these steps were taken, each on what the earlier ones set."""
    words = [word for step in steps for word in ("--set", step)]
    done = ask("template", "oo-ml", CHART, "--namespace", "oo-ml", *words)
    assert done.returncode == 0, done.stderr
    return named(objects(done.stdout))


def test_the_readme_has_these_steps():
    assert len(STEPS) == len(EXPECTED)


@pytest.mark.parametrize("number", range(len(EXPECTED)))
def test_a_step_of_a_rollout_leads_where_the_readme_says(number):
    release = after(STEPS[: number + 1])
    (rule,) = release["HTTPRoute", "tip-ranker-split"]["spec"]["rules"]
    copies = [it["requestMirror"]["backendRef"] for it in rule.get("filters", ())]

    assert {it["name"]: it["weight"] for it in rule["backendRefs"]} == EXPECTED[number][0]
    assert [(it["name"], it["port"]) for it in copies] == [(name, 8081) for name in EXPECTED[number][1]]


def test_the_last_step_leaves_the_new_version_alone():
    ranker = after(STEPS)["InferenceService", "tip-ranker"]["spec"]

    assert ranker["predictor"]["name"] == "v2"
    assert ranker["predictor"]["model"]["storageUri"] == "mlflow://tip-ranker/2"
    assert "canary" not in ranker


def test_giving_weight_changes_no_pod_of_the_release():
    """Only the share that KServe is told changes, which is in no pod."""
    shadow, live = (after(STEPS[:count]) for count in (1, 2))

    assert {name for name in shadow if shadow[name] != live[name]} == {
        ("HTTPRoute", "tip-ranker-split"),
        ("InferenceService", "tip-ranker"),
    }
    shadow["InferenceService", "tip-ranker"]["spec"]["canary"][0]["trafficPercent"] = 10
    assert shadow["InferenceService", "tip-ranker"] == live["InferenceService", "tip-ranker"]


@pytest.mark.parametrize("text", [text for language, text in BLOCKS if language == "yaml"])
def test_the_settings_for_production_are_accepted(text):
    assert template(**yaml.safe_load(text)).returncode == 0


def test_every_kind_that_is_installed_is_in_the_readme():
    kinds = {thing["kind"] for thing in render()}

    assert {kind for kind in kinds if not re.search(rf"\b{kind}s?\b|\b{kind[:-1]}ies\b", README)} == set()
