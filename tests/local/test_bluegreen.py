"""Predictors that are replaced behind a real Envoy: by small programs that start slowly, end, hang, or lie."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml
from oo_local import envoy
from oo_local.bluegreen import Predictors
from oo_local.envoy import Split
from oo_local.group import ProcessGroup
from oo_local.layout import SLOTS, Layout, shadow_of
from oo_local.process import Process
from oo_local.programs import Programs
from oo_local.served_versions import ServedVersions
from oo_local.stack import CHART
from waiting import eventually, free_span, listens

pytestmark = pytest.mark.long

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
VALUES["ingress"]["inferenceTimeoutSeconds"] = 15
RATE = 100  # calls per second
PROGRAM = Path(__file__).parent / "predictor_program.py"


@dataclass
class SmallStack:
    """Of a stack, what `Predictors` asks for; a version's behaviour is in its name, like `7-ends`."""

    layout: Layout
    values: dict = field(default_factory=lambda: VALUES)

    def predictor(self, name, slot, version):
        ports = [slot, shadow_of(slot)] if name == "challenger" else [slot]
        command = (sys.executable, "-P", str(PROGRAM), version, *(str(self.layout.at(port)) for port in ports))
        return Process(name, command, self.layout.at(slot), dict(os.environ), "/healthz/ready")


@pytest.fixture
def layout(tmp_path):
    """Ports, and an Envoy in front of them."""
    port = free_span()
    layout = Layout(tmp_path, port)
    layout.logs.mkdir()
    envoy.write(layout, VALUES, Split())
    file = layout.run / "envoy" / "envoy-1.json"
    command = [Programs(os.environ).envoy, "-c", file, "--disable-hot-restart", "--concurrency", "2", "-l", "error"]
    process = subprocess.Popen(command)
    assert eventually(lambda: listens(layout.at("split")))
    yield layout
    process.terminate()
    process.wait(20)


@pytest.fixture
async def predictors(layout):
    """Version 1 serves."""
    group = ProcessGroup(layout, lambda: None, 60)
    predictors = Predictors(SmallStack(layout), group, "features@1", ServedVersions("1"))
    await predictors.serve_wanted("predictor")
    yield predictors
    await group.stop_all()


@dataclass
class Answers:
    """What became of calls that start at fixed times."""

    versions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def calls(predictors):
    """Calls at a steady rate while the block runs."""
    answers, loop = Answers(), asyncio.get_running_loop()

    async def call(client):
        try:
            reply = await client.post("/v2/models/tip-ranker/infer", json={})
            answers.versions.append(reply.text) if reply.status_code == 200 else answers.failures.append(reply.text)
        except httpx.HTTPError as error:
            answers.failures.append(repr(error))

    async def send(client, group):
        start, sent = loop.time(), 0
        while True:
            group.create_task(call(client))
            sent += 1
            await asyncio.sleep(max(0, start + sent / RATE - loop.time()))

    url = predictors.stack.layout.url("split")
    async with httpx.AsyncClient(base_url=url, timeout=20) as client, asyncio.TaskGroup() as group:
        sending = group.create_task(send(client, group))
        await asyncio.sleep(0.5)
        yield answers
        await asyncio.sleep(0.5)
        sending.cancel()


@pytest.mark.parametrize(
    "versions",
    [
        pytest.param(["2"], id="promotion"),
        pytest.param(["2", "1"], id="promotion and rollback"),
        pytest.param(["2-slow", "1", "3"], id="slow to start"),
    ],
)
async def test_no_call_is_lost_when_the_champion_moves(predictors, versions):
    async with calls(predictors) as answers:
        for version in versions:
            predictors.wanted = ServedVersions(version)
            await predictors.serve_wanted("predictor")
            assert predictors.served == ServedVersions(version)
            await asyncio.sleep(0.5)

    assert answers.failures == []
    assert list(dict.fromkeys(answers.versions))[:2] == ["1", versions[0]]
    assert answers.versions[-1] == versions[-1]
    assert set(predictors.group.running) == {"predictor"}


async def test_a_successor_is_stopped_when_its_predecessor_would_have_been(predictors):
    """In reverse order of starting: a predictor that came later still outlives who calls it."""
    port = predictors.stack.layout.at("transformer-1")
    caller = Process("transformer-1", (sys.executable, "-c", "import time; time.sleep(1000)"), port)
    predictors.group.launch(caller)
    predictors.wanted = ServedVersions("2")

    await predictors.serve_wanted("predictor")

    assert list(predictors.group.running) == ["predictor", "transformer-1"]


async def test_the_old_one_stops_after_its_last_call(predictors):
    """A long call that was passed on to the old version is answered by it, although the new one is ready at once."""
    url = predictors.stack.layout.url("split")
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        slow = asyncio.create_task(client.post("/v2/models/tip-ranker/infer", json={}, headers={"x-take": "5"}))
        await asyncio.sleep(0.3)
        predictors.wanted = ServedVersions("2")
        replacing = asyncio.create_task(predictors.serve_wanted("predictor"))
        meanwhile = []
        while not slow.done():
            meanwhile.append((await client.post("/v2/models/tip-ranker/infer", json={})).text)
            await asyncio.sleep(0.05)
        reply = await slow
        await replacing

    assert (reply.status_code, reply.text) == (200, "1")
    assert meanwhile[-1] == "2"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        pytest.param("2-ends", "ended 3 times, last with exit code 3: see `oo-ml logs predictor --data", id="ends"),
        pytest.param("2-never", "still starting", id="never ready"),
        pytest.param("2-lies", "not as version 2-lies", id="another version"),
        pytest.param("2-mute", "answers as None", id="no metadata"),
    ],
)
async def test_a_version_that_is_not_ready_leaves_the_old_one(predictors, version, reason):
    predictors.group.timeout_s = 60 if version == "2-ends" else 3
    before = predictors.group.running["predictor"].pid
    async with calls(predictors) as answers:
        predictors.wanted = ServedVersions(version)
        assert await predictors.serve_wanted("predictor")
        assert not await predictors.serve_wanted("predictor")  # not again at once

    assert answers.failures == []
    assert set(answers.versions) == {"1"}
    assert predictors.served == ServedVersions("1")
    assert f"version {version} is not served, version 1 goes on" in predictors.warnings["predictor"]
    assert reason in predictors.warnings["predictor"]
    assert predictors.group.running["predictor"].pid == before
    assert set(predictors.group.running) == {"predictor"}


async def test_an_alias_that_moves_back_ends_the_waiting(predictors):
    predictors.wanted = ServedVersions("2-never")
    waiting = asyncio.create_task(predictors.serve_wanted("predictor"))
    await asyncio.sleep(0.5)

    predictors.wanted = ServedVersions("1")
    await asyncio.wait_for(waiting, 30)
    await predictors.serve_wanted("predictor")

    assert predictors.served == ServedVersions("1")
    assert predictors.warnings == {}


async def test_a_version_that_was_given_up_is_tried_again_later(predictors, monkeypatch):
    predictors.group.timeout_s = 1
    predictors.wanted = ServedVersions("2-never")
    await predictors.serve_wanted("predictor")
    assert predictors.warnings
    monkeypatch.setattr("oo_local.bluegreen.RETRY_DELAY_S", 0)

    predictors.group.timeout_s = 60
    predictors.wanted = ServedVersions("2")
    assert await predictors.serve_wanted("predictor")

    assert (predictors.served, predictors.warnings) == (ServedVersions("2"), {})


async def test_a_challenger_is_replaced_and_leaves_without_a_lost_call(predictors):
    layout, seen = predictors.stack.layout, {}
    async with calls(predictors) as answers:
        for wanted in (ServedVersions("1", "2"), ServedVersions("1", "3"), ServedVersions("3", "3")):
            predictors.wanted = wanted
            await asyncio.gather(*map(predictors.serve_wanted, SLOTS))
            await asyncio.sleep(0.5)
            seen[wanted] = await copies(layout)

    assert answers.failures == []
    assert answers.versions[-1] == "3"
    assert all(version == wanted.challenger for wanted, version in list(seen.items())[:2])
    assert seen[ServedVersions("3", "3")] is None  # a champion is not its own challenger
    assert predictors.served == ServedVersions("3", None)
    assert set(predictors.group.running) == {"predictor"}


async def copies(layout):
    """The version of the challenger that has got copies."""
    async with httpx.AsyncClient(timeout=5) as client:
        for slot in SLOTS["challenger"]:
            with contextlib.suppress(httpx.ConnectError):
                found = (await client.get(f"{layout.url(slot)}/copies")).json()
                assert found["copies"] > 0
                return found["version"]
    return None


async def test_a_challenger_that_is_not_ready_harms_nobody(predictors):
    async with calls(predictors) as answers:
        predictors.wanted = ServedVersions("2", "3-ends")
        beside = asyncio.create_task(predictors.serve_wanted("challenger"))
        await predictors.serve_wanted("predictor")
        assert not beside.done()  # the champion does not wait for it
        await beside

    assert answers.failures == []
    assert predictors.served == ServedVersions("2", None)
    assert "challenger: version 3-ends is not served" in predictors.warnings["challenger"]


async def test_a_champion_of_other_features_takes_no_others_place(predictors):
    async with calls(predictors) as answers:
        predictors.wanted = ServedVersions("2-other")
        await predictors.serve_wanted("predictor")

    assert answers.failures == []
    assert set(answers.versions) == {"1"}
    assert "was trained on features@9, and this code computes features@1" in predictors.warnings["predictor"]
    assert predictors.mismatch is None


async def test_a_first_champion_of_other_features_serves_and_is_told_of(layout):
    predictors = Predictors(
        SmallStack(layout), ProcessGroup(layout, lambda: None, 60), "features@1", ServedVersions("1-other")
    )
    await predictors.serve_wanted("predictor")
    assert predictors.served == ServedVersions("1-other")
    assert "version 1-other, was trained on features@9" in predictors.mismatch

    predictors.wanted = ServedVersions("3-other")
    await predictors.serve_wanted("predictor")
    assert predictors.served == ServedVersions("1-other")
    assert "version 1-other, was trained on features@9" in predictors.mismatch

    predictors.wanted = ServedVersions("2")
    await predictors.serve_wanted("predictor")

    assert (predictors.served, predictors.mismatch) == (ServedVersions("2"), None)
    await predictors.group.stop_all()
