"""Every mirrored copy ends as an event, or is counted as one that never came: real Envoy, predictors and NATS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import odd_predictor
import pytest
import yaml
from example_models import FEATURE_SET, FEATURES, rows
from oo_consumers import streams
from oo_contracts.events import Prediction
from oo_contracts.wire import columns_digest
from oo_local import envoy
from oo_local.envoy import Split
from oo_local.layout import Layout
from oo_local.programs import Programs
from oo_local.stack import CHART
from oo_pipelines.report.copies import count_copies
from oo_serving.connection_pool import ConnectionPool
from oo_transformers.predictor_client import InferenceClient
from waiting import eventually, free_span, listens

CALLS = 160
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
INFER = "/v2/models/tip-ranker/infer"
pytestmark = [pytest.mark.real, pytest.mark.long]


def request_id(number):
    return f"r-{number} ä/%20"


def called(numbers):
    """The ids of these calls."""
    return set(map(request_id, numbers))


class World:
    """An Envoy that sends all to a sound predictor, and a copy of each call to an odd one."""

    def __init__(self, folder, model_dir, nats_url):
        base = free_span()
        self.layout, self.model_dir, self.nats_url, self.processes = Layout(folder, base), model_dir, nats_url, {}
        envoy.write(self.layout, VALUES, Split(challenger="challenger"))
        file = self.layout.run / "envoy" / "envoy-1.json"
        command = [Programs(os.environ).envoy, "-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
        self.processes["envoy"] = subprocess.Popen(command)
        self.start("sound", "predictor", self.layout.at("ingress") + 19)

    def start(self, kind, slot="challenger", shadow_port=None):
        """Its version is called as its slot: no copy is due to the version that answered the call itself."""
        port = self.layout.at(slot)
        ports = port, shadow_port or self.layout.at("challenger-shadow")
        given = kind, slot, self.model_dir, *map(str, ports), self.nats_url
        command = [sys.executable, "-P", odd_predictor.__file__, *given]
        environ = os.environ | {"PYTHONPATH": str(Path(odd_predictor.__file__).parent)}
        self.processes[slot] = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
        assert eventually(lambda: listens(port), patience=60)
        return self.processes[slot]

    def call(self, numbers, deadline=5.0):
        asyncio.run(self._call(numbers, deadline))

    async def _call(self, numbers, deadline):
        """As a transformer does."""
        pool = ConnectionPool(self.layout.url("split"))
        client = InferenceClient(pool, "tip-ranker", deadline, columns_digest(FEATURES))
        for number in numbers:
            await client.predict(rows(3), FEATURE_SET, request_id(number), {b"x-request-id": b"of a gateway"})
        pool.close()

    def to_shadow(self, body, headers=()):
        """The status of a copy sent by hand."""
        url = f"http://127.0.0.1:{self.layout.at('challenger-shadow')}{INFER}"
        sent = {"content-type": "application/json", **dict(headers)}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, sent), timeout=20) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def told(self):
        return asyncio.run(self._told())

    async def _told(self):
        connection = await nats.connect(self.nats_url)
        js = connection.jetstream()
        await streams.ensure_streams(js)
        last = (await js.stream_info("PREDICTIONS")).state.last_seq
        found = [await js.get_msg("PREDICTIONS", sequence) for sequence in range(1, last + 1)]
        await connection.close()
        return [Prediction.model_validate_json(message.data) for message in found]

    def copies(self, count):
        """The events of shadows, when there are so many, or after a while."""
        eventually(lambda: len(self._copies()) >= count, patience=90, every=0.5)
        return self._copies()

    def copies_of(self, numbers):
        """The events of the copies of these calls, when there is one of each, or after a while."""
        wanted = called(numbers)
        eventually(lambda: wanted <= self.requests("shadow"), patience=90, every=0.5)
        return [event for event in self._copies() if event.request_id in wanted]

    def _copies(self):
        return [event for event in self.told() if event.role == "shadow"]

    def requests(self, role):
        """The ids of the calls that events of this role tell of."""
        return {event.request_id for event in self.told() if event.role == role}

    def stop(self):
        for process in self.processes.values():
            process.kill()
            process.wait(10)


@pytest.fixture
def world(tmp_path, model_dir, server):
    server.publish()  # makes the streams
    world = World(tmp_path, model_dir, server.url)
    yield world
    world.stop()


def due(world):
    (found,) = count_copies(world.told(), datetime.now(UTC) + timedelta(hours=1))
    return found


def warm(world):
    """Until the first copy has come through: the odd one may have to be found first. No queue is left before it."""
    for number in range(50):
        world.call([f"warm-{number}"])
        if eventually(world._copies, patience=2.0):
            return number + 1
    raise AssertionError("no copy came")


@pytest.mark.parametrize("kind", ["nan", "infinite", "failing", "sound"])
def test_a_challenger_whose_answers_are_none_leaves_an_event_of_each(world, kind):
    outcome = {"nan": "not_finite", "infinite": "not_finite", "failing": "failed", "sound": "answered"}[kind]
    world.start(kind)
    before = warm(world)

    world.call(range(CALLS))

    found = world.copies_of(range(CALLS))
    assert Counter(event.outcome for event in found) == {outcome: CALLS}
    assert {event.request_id for event in found} == called(range(CALLS))
    assert {len(event.values) for event in found} == {3 if kind == "sound" else 0}
    assert {event.reason is None for event in found} == {kind == "sound"}
    assert sum(due(world).endings.values()) == due(world).due <= CALLS + before


def test_of_a_slow_one_every_copy_is_told_of_as_well(world):
    """It answers some in time; to the others it comes when nobody waits any more, and does not compute them."""
    world.start("slow")
    warm(world)
    began = time.monotonic()

    world.call(range(CALLS), deadline=2.0)

    found = world.copies_of(range(CALLS))
    took = time.monotonic() - began
    outcomes = Counter(event.outcome for event in found)
    assert {event.request_id for event in found} == called(range(CALLS))
    assert len(found) == CALLS
    assert set(outcomes) == {"answered", "too_late"}
    assert outcomes["too_late"] > CALLS / 4
    assert took < CALLS * odd_predictor.SLOW_S + 60
    assert {event.reason for event in found if event.outcome == "too_late"} <= {
        "it came after its deadline",
        "it was answered after its deadline",
        "its caller had left before it was read",
    }


def test_copies_that_a_killed_one_never_got_are_counted(world):
    process = world.start("sound")
    warm(world)
    world.call(range(80))
    assert len(world.copies_of(range(80))) == 80

    process.send_signal(signal.SIGKILL)
    process.wait(10)
    world.call(range(80, CALLS))
    assert eventually(lambda: called(range(CALLS)) <= world.requests("live"), patience=90, every=0.5)

    found, here = due(world), len(world.requests("shadow"))
    assert found.endings["never"] == 80
    assert found.endings["answered"] == here
    assert found.due == here + 80


def body(**other):
    tensor = {"name": "rows", "shape": [1, len(FEATURES)], "datatype": "FP32", "data": rows(1)[0].tolist()}
    return json.dumps({"id": "r-1", "parameters": {"feature_set": FEATURE_SET}, "inputs": [tensor]} | other).encode()


REFUSALS = {
    "another feature set": (body(parameters={"feature_set": "other@0"}), {}, 409, "refused", "r-1"),
    "not JSON": (b"{", {"x-oo-request-id": "r%2D2"}, 400, "refused", "r-2"),
    "another shape": (body(inputs=[]), {"x-oo-request-id": "r-2"}, 422, "refused", "r-2"),
    "no JSON by its own word": (
        body(),
        {"content-type": "text/plain", "x-oo-request-id": "r-2"},
        415,
        "refused",
        "r-2",
    ),
    "too large": (b" " * (3 << 20), {"x-oo-request-id": "r-2"}, 413, "refused", "r-2"),
    "after its deadline": (body(), {"x-oo-deadline": "1764403200.5"}, 504, "too_late", "r-1"),
    "in time": (body(), {"x-oo-deadline": "99999999999"}, 200, "answered", "r-1"),
    "without a deadline": (body(), {}, 200, "answered", "r-1"),
    "with a deadline that is none": (body(), {"x-oo-deadline": "nan"}, 200, "answered", "r-1"),
}


def test_a_copy_that_is_refused_is_told_of_with_the_reason(world):
    world.start("sound")

    for count, (sent, headers, status, outcome, request_id) in enumerate(REFUSALS.values(), start=1):
        assert world.to_shadow(sent, headers) == status
        told = world.copies(count)
        assert len(told) == count
        assert (told[-1].outcome, told[-1].request_id) == (outcome, request_id)
        assert (told[-1].reason is None) == (outcome == "answered")


def test_a_live_call_has_no_deadline_and_leaves_an_event_only_when_it_is_answered(world):
    world.start("sound")
    url = f"http://127.0.0.1:{world.layout.at('challenger')}{INFER}"

    def asked(sent):
        late = {"content-type": "application/json", "x-oo-deadline": "1.0"}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, sent, late), timeout=20) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    assert [asked(b"{"), asked(body(inputs=[])), asked(body())] == [400, 422, 200]

    assert eventually(world.told)
    assert [(event.role, event.outcome) for event in world.told()] == [("live", "answered")]
