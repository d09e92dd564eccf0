"""A challenger beside the champion: copies of every call in shadow, then a share of the calls, without a restart."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections import Counter

import httpx
import pytest
from cluster import found, frozen_pods, kubectl
from load import under_load
from nats_reader import events
from waiting import eventually

ROUTE = ("httproute", "tip-ranker-split")
CALLS = 4_400  # so many that 0.03 is 4.6 standard errors of a share of a quarter


def ask(request):
    tasks = [{"id": f"t-{place}", "content": "Pay the rent", "priority": place % 4 + 1} for place in range(3)]
    return {"request_id": request, "user_id": "u-1", "tasks": tasks}


@pytest.fixture(scope="module")
def challenger(release, second):
    """The values of a challenger in shadow, whose copies arrive."""
    told = {"rollout__challenger__name": "v2", "rollout__challenger__model": f"mlflow://tip-ranker/{second}"}
    release.upgrade(**told)
    release.ready("v2")
    request = f"warm-{uuid.uuid4()}"
    assert eventually(lambda: release.score(request) and roles(release, request)["shadow", second], patience=120)
    yield told
    release.upgrade()
    kubectl("wait", "--for=delete", "deployment/tip-ranker-v2-predictor", "--timeout=120s")  # the next one may be v2


def roles(release, mark, count=1):
    found = events(release, "predictions.tip-ranker", lambda event: event["request_id"].startswith(mark), count)
    return Counter((event["role"], event["model"]["version"]) for event in found)


def scored(release, requests):
    with httpx.Client(base_url=release.url, timeout=30) as client:
        replies = [client.post("/score", json=ask(request)) for request in requests]
    assert {reply.status_code for reply in replies} == {200}
    return [reply.json() for reply in replies]


def processes():
    """Pods of both predictors, with how often each was started again."""
    pods = found("pods", "-l", "app.kubernetes.io/component in (predictor, transformer)")
    return {pod["metadata"]["uid"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods}


def test_every_call_is_copied_once_and_no_copy_is_answered_or_decided(release, challenger, second):
    mark = str(uuid.uuid4())
    requests = [f"{mark}-{number}" for number in range(1000)]

    replies = scored(release, requests)

    assert {reply["model"]["version"] for reply in replies} == {"1"}
    assert roles(release, mark, 2000) == {("live", "1"): 1000, ("shadow", second): 1000}
    decided = events(release, "decisions.score", lambda event: event["request_id"].startswith(mark), 1000)
    assert sorted(event["request_id"] for event in decided) == sorted(requests)


@contextlib.contextmanager
def killed(release):
    """The challenger's pod, gone at once, while copies are on their way to it."""
    for pod in release.predictors("v2"):
        kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
    yield
    time.sleep(5)


@contextlib.contextmanager
def hanging(release):
    """The challenger's process, frozen for half a minute."""
    with frozen_pods(release.predictors("v2")):
        yield
        time.sleep(30)


@contextlib.contextmanager
def failing(release):
    """Copies go to a service that answers each with an error."""
    mirror = "/spec/rules/0/filters/0/requestMirror/backendRef"
    before = json.loads(kubectl("get", *ROUTE, "-o", "json"))["spec"]["rules"][0]["filters"][0]["requestMirror"]
    wrong = {"group": "", "kind": "Service", "name": "oo-mlflow", "port": 5000}
    patch(mirror, wrong)
    yield
    time.sleep(5)
    patch(mirror, before["backendRef"])


def patch(path, value):
    kubectl("patch", *ROUTE, "--type=json", "--patch", json.dumps([{"op": "replace", "path": path, "value": value}]))


@pytest.mark.parametrize("harm", [killed, hanging, failing])
def test_a_bad_shadow_changes_no_reply(release, challenger, harm):
    requests = [f"same-{number}" for number in range(100)]
    before = scored(release, requests)

    with under_load(release.url) as load, harm(release):
        during = scored(release, requests)
    release.ready("v2")

    assert during == before
    assert (load.failures, load.degraded, set(load.versions)) == ([], {}, {"1"})
    assert load.sent > 50


@pytest.mark.timeout(600)
def test_a_quarter_of_the_calls_is_a_quarter_and_nothing_restarts(release, challenger, second):
    before = processes()
    release.upgrade(**challenger, rollout__challenger__weight=25)
    assert eventually(lambda: second in {release.score()["model"]["version"] for _ in range(20)}, patience=60)

    replies = scored(release, [f"{uuid.uuid4()}" for _ in range(CALLS)])

    share = Counter(reply["model"]["version"] for reply in replies)
    assert set(share) == {"1", second}
    assert abs(share[second] / CALLS - 0.25) < 0.03
    assert all(reply["policy"] and reply["degraded"] is None for reply in replies), "each passed the transformer"
    assert processes() == before


def test_weight_for_a_version_without_a_ready_pod_is_refused(release, challenger):
    told = challenger | {"rollout__challenger__name": "v9", "rollout__challenger__weight": 10}

    assert "v9 has no ready pod: first let it run in shadow" in release.upgrade(check=False, **told)
