"""Day two and the last day: a rollback takes an upgrade back, and uninstalling leaves nothing of ours."""

from __future__ import annotations

import json

from cluster import helm, kubectl, leftovers
from load import under_load
from waiting import eventually


def budget(release):
    container = release.pods("transformer")[-1]["spec"]["containers"][0]
    return next(item["value"] for item in container["env"] if item["name"] == "OO_TRANSFORMER_BUDGET_MS")


def test_an_upgrade_and_its_rollback_fail_no_call(release):
    with under_load(release.url) as load:
        release.upgrade(transformer__budgetMs=2001)
        kubectl("rollout", "status", "deployment/tip-ranker-transformer", "--timeout=180s")
        assert eventually(lambda: budget(release) == "2001", patience=60)
        helm("rollback", release.name, "--wait")
        assert eventually(lambda: budget(release) == "2000", patience=60)
        kubectl("rollout", "status", "deployment/tip-ranker-transformer", "--timeout=180s")

    assert (load.failures, load.degraded) == ([], {})


def test_uninstalling_leaves_nothing(release):
    assert len(json.loads(helm("list", "--output", "json"))) == 1

    helm("uninstall", release.name, "--wait", "--timeout", "4m")

    assert eventually(lambda: not leftovers(), patience=120), leftovers()
