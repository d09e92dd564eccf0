"""One part down at a time: the answers go on and say so, and all is well again when it returns."""

from __future__ import annotations

import contextlib
import os
import signal

import httpx
import pytest
from oo_contracts.stack_status import is_alive
from oo_local.layout import Layout
from waiting import eventually

pytestmark = pytest.mark.long

ASK = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}


@pytest.mark.parametrize(
    ("name", "degraded", "fallback"),
    [
        pytest.param("predictor", {"predictor"}, {None}, id="predictor"),
        pytest.param("litellm", {None}, {"timeout", "unavailable"}, id="litellm"),
        pytest.param("llm", {None}, {"timeout", "unavailable"}, id="llm"),
        pytest.param("nats", {None}, {None, "invalid_output"}, id="nats"),
        pytest.param("mlflow", {None}, {None, "invalid_output"}, id="mlflow"),
        pytest.param("consumers", {None}, {None, "invalid_output"}, id="consumers"),
    ],
)
def test_a_hanging_part_degrades_the_answer_and_no_more(stack, name, degraded, fallback):
    with stack.frozen(name):
        score, generate = stack.post("/score", ASK), stack.post("/generate", ASK)
        # a model that is slow on a busy machine writes the next tip; one that this part keeps from it writes none
        tips = fallback | ({"invalid_output"} if None in fallback else set())
        assert eventually(lambda: stack.post("/generate", ASK).json()["fallback"] in tips, patience=120)

    assert (score.status_code, generate.status_code) == (200, 200)
    assert score.json()["degraded"] in degraded
    assert eventually(lambda: stack.post("/score", ASK).json()["degraded"] is None)


@pytest.mark.embedded("its processes are killed by their ids; tests/cluster kills pods")
@pytest.mark.parametrize(
    "name",
    [
        *("predictor", "litellm", "llm", "nats", "mlflow", "consumers", "lake", "beliefs"),
        *("transformer-1", "transformer-2", "envoy-1"),
    ],
)
def test_a_killed_part_is_hardly_missed_and_comes_back(stack, name):
    assert eventually(lambda: all(transformers_known(stack)))  # one that just came back is known a second later
    before = stack.process(name)

    os.kill(before["pid"], signal.SIGKILL)
    assert eventually(lambda: not is_alive(before["pid"]))
    meanwhile = [stack.post(route, ASK) for route in ("/score", "/generate", "/score", "/score")]

    assert [reply.status_code for reply in meanwhile] == [200] * 4, [reply.text for reply in meanwhile]
    assert eventually(lambda: back(stack.process(name), before), patience=60)
    assert eventually(lambda: stack.post("/score", ASK).json()["degraded"] is None)
    assert eventually(lambda: stack.post("/generate", ASK).json()["fallback"] in {None, "invalid_output"}, patience=120)


def back(now, before):
    return now["restarts"] > before["restarts"] and now["state"] == "ready"


def transformers_known(stack):
    """Of each Envoy and transformer, whether the one takes the other for healthy."""
    layout = Layout(stack.data, stack.port)
    for envoy in ("envoy-1", "envoy-2"):
        with contextlib.suppress(httpx.ConnectError):
            found = httpx.get(f"http://127.0.0.1:{layout.at(envoy)}/clusters", params={"format": "json"}).json()
            cluster = next(item for item in found["cluster_statuses"] if item["name"] == "transformer")
            yield from (
                host["health_status"]["eds_health_status"] == "HEALTHY" and len(host["health_status"]) == 1
                for host in cluster["host_statuses"]
            )
            continue
        yield False
