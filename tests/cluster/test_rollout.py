"""A version's whole way under load: shadow, 10 %, 50 %, all, champion, and back; nobody notices."""

from __future__ import annotations

import json
import time

from cluster import helm, kubectl, uids
from load import under_load

PAUSE = 3  # seconds of load between two moves


def test_from_shadow_to_champion_and_back_without_a_failed_call(release, second):
    model = f"mlflow://tip-ranker/{second}"
    challenger = {"rollout__challenger__name": "v2", "rollout__challenger__model": model}

    with under_load(release.url) as load:
        release.upgrade(**challenger)
        release.ready("v2")
        for weight in (10, 50, 100):
            release.upgrade(**challenger, rollout__challenger__weight=weight)
            time.sleep(PAUSE)
        full = helm("history", release.name, "--max", "1", "--output", "json")
        before = uids(release.predictors("v2"))

        release.upgrade(rollout__champion__name="v2", rollout__champion__model=model)
        release.ready("v2")
        release.settled(lambda said: said["model"]["version"] == second)
        kubectl("wait", "--for=delete", "deployment/tip-ranker-predictor", "--timeout=120s")
        promoted = uids(release.predictors("v2"))
        time.sleep(PAUSE)

        helm("rollback", release.name, str(revision(full)))
        release.ready()
        release.upgrade(**challenger)
        release.settled(lambda said: said["model"]["version"] == "1")
        release.upgrade()
        kubectl("wait", "--for=delete", "deployment/tip-ranker-v2-predictor", "--timeout=120s")
        time.sleep(PAUSE)

    assert (load.failures, load.degraded) == ([], {})
    assert set(load.versions) == {"1", second}
    assert load.sent > 400
    assert before <= promoted


def revision(history):
    return json.loads(history)[-1]["revision"]
