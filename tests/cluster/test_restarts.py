"""Pods come and go under load: told to stop they finish what they have, and killed ones are not missed."""

from __future__ import annotations

import time

import pytest
from cluster import kubectl
from load import under_load

CHANGES = {"transformer": {"transformer__budgetMs": 2001}, "predictor": {"rollout__champion__revision": "restarted"}}


@pytest.mark.parametrize("component", CHANGES)
def test_a_rolling_restart_fails_no_call(release, component):
    with under_load(release.url) as load, release.replaced(component):
        release.upgrade(**CHANGES[component])
    with release.replaced(component):
        release.upgrade()

    assert (load.failures, load.degraded) == ([], {})


@pytest.mark.parametrize("component", ["transformer", "predictor"])
def test_a_pod_that_is_told_to_stop_fails_no_call(release, component):
    pod = release.pods(component)[0]["metadata"]["name"]

    with under_load(release.url) as load:
        kubectl("delete", "pod", pod)  # SIGTERM; returns when it has gone
        kubectl("rollout", "status", f"deployment/tip-ranker-{component}", "--timeout=180s")

    assert (load.failures, load.degraded) == ([], {})


def test_of_two_predictor_pods_one_may_be_killed(release):
    pod = release.predictors()[0]["metadata"]["name"]

    with under_load(release.url, rate=50) as load:
        time.sleep(5)
        kubectl("delete", "pod", pod, "--grace-period=0", "--force")
        time.sleep(15)
    release.ready()

    assert len(load.failures) <= load.sent / 1000, load.failures
    assert sum(load.degraded.values()) <= load.sent / 1000, load.degraded
