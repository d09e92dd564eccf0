"""Calls beyond the limit of those in flight are refused unread, or answered by the baseline; all others are as ever."""

from __future__ import annotations

import asyncio
import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.events import ScoreDecision
from oo_serving.problem_response import HTTPProblem
from oo_transformers.concurrency_limit import DECREASE, MIN_IN_FLIGHT, ConcurrencyLimit
from oo_transformers.metrics import SHED
from real_transformer import started
from waiting import eventually

TASKS = [{"id": f"t-{place}", "content": "Pay the rent"} for place in range(4)]
ASK = {"user_id": "u-1", "tasks": TASKS, "baseline": "t-2"}
TENSOR = {"name": "bodies", "shape": [1], "datatype": "BYTES", "data": [json.dumps(ASK)]}
ROUTES = {
    "score": ("/score", ASK),
    "v1": ("/v1/models/tip-ranker:predict", {"instances": [ASK]}),
    "v2": ("/v2/models/tip-ranker/infer", {"inputs": [TENSOR]}),
}


class Gate:
    """A predictor that answers when it is opened."""

    def __init__(self, predictor):
        self.predictor, self.waiting, self.open = predictor, 0, asyncio.Event()

    async def predict(self, *arguments):
        self.waiting += 1
        await self.open.wait()
        return await self.predictor.predict(*arguments)


async def until(condition):
    while not condition():
        await asyncio.sleep(0)


@pytest.fixture
def gated(fakes):
    fakes.predictor = Gate(fakes.predictor)
    fakes.limit = ConcurrencyLimit(3)
    return fakes


def shed(route, answer="refused"):
    return SHED.labels(route, answer)._value.get()


@pytest.mark.parametrize("route", ROUTES)
async def test_a_call_beyond_the_limit_is_refused_and_those_within_are_answered(gated, route):
    path, body = ROUTES[route]
    before = shed(route)
    async with gated.client() as client:
        taken = [asyncio.create_task(client.post("/score", json=ASK)) for _ in range(3)]
        await until(lambda: gated.predictor.waiting == 3)

        refused = await client.post(path, json=body)
        gated.predictor.open.set()
        answers = await asyncio.gather(*taken)
        after = await client.post(path, json=body)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"] == "too many calls are in flight"
    assert [answer.json()["degraded"] for answer in answers] == [None] * 3
    assert (after.status_code, shed(route)) == (200, before + 1)


async def test_what_is_refused_is_not_read(gated):
    gated.limit.max_in_flight = 0
    async with gated.client() as client:
        reply = await client.post("/score", content=b"no JSON", headers={"content-type": "application/json"})

    assert reply.status_code == 503


async def test_other_routes_have_no_part_in_it(gated):
    gated.limit.max_in_flight = 0

    assert (await gated.post("/generate", {"user_id": "u-1", "tasks": TASKS})).status_code == 200
    async with gated.client() as client:
        assert (await client.get("/healthz/ready")).status_code == 200


async def test_calls_that_come_at_once_are_all_counted_before_one_is_worked_on(fakes):
    fakes.limit = ConcurrencyLimit(3)  # nobody waits for the predictor of the fakes
    async with fakes.client() as client:
        replies = await asyncio.gather(*(client.post("/score", json=ASK) for _ in range(8)))

    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [503] * 5


async def test_a_call_that_fails_or_whose_caller_leaves_gives_its_place_back(gated):
    async with gated.client() as client:
        leaving = asyncio.create_task(client.post("/score", json=ASK))
        await until(lambda: gated.predictor.waiting == 1)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        wrong = await client.post("/score", json={"user_id": 1.5})

    assert (wrong.status_code, gated.limit.in_flight) == (422, 0)


async def test_beyond_the_soft_limit_the_baseline_answers_and_says_why(gated):
    gated.limit.soft_max = 2
    before = shed("score", "baseline")
    async with gated.client() as client:
        taken = [asyncio.create_task(client.post("/score", json=ASK)) for _ in range(2)]
        await until(lambda: gated.predictor.waiting == 2)

        reply = (await client.post("/score", json=ASK)).json()
        batch = (await client.post(*ROUTES["v1"][:1], json=ROUTES["v1"][1])).json()["predictions"][0]
        gated.predictor.open.set()
        await asyncio.gather(*taken)

    event = ScoreDecision.read(gated.outbox.events[0][1])
    assert (reply["degraded"], reply["chosen"], reply["policy"]["name"]) == ("overload", "t-2", "baseline")
    assert (batch["degraded"], event.degraded) == ("overload", "overload")
    assert (gated.predictor.waiting, shed("score", "baseline")) == (2, before + 1)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5), st.integers(0, 6))
def test_never_more_than_the_limit_are_in_flight(comings, max_in_flight, soft_max):
    """Calls come and end in any order; each is taken, taken by the baseline, or refused as their number says."""
    limit, slots = ConcurrencyLimit(max_in_flight, soft_max), []
    for comes in comings:
        if comes:
            before = len(slots)
            try:
                slots.append(limit.admit("score"))
            except HTTPProblem:
                assert before == max_in_flight
                continue
            assert slots[-1].is_overloaded == (0 < soft_max <= before)
        elif slots:
            slot = slots.pop(0)
            slot.end()
            slot.end()  # a second time is none
        assert limit.in_flight == len(slots) <= max_in_flight


class SlowLoop:
    """A process that works on calls one after another; `came` is how long ago those of a turn have come."""

    def __init__(self, max_in_flight):
        self.now = 0.0
        self.limit = ConcurrencyLimit(max_in_flight, clock=lambda: self.now)

    def turn(self, comers, seconds_each):
        """Take what may be taken of the comers, work on them, and return how many they were."""
        slots = []
        for _ in range(comers):
            with contextlib.suppress(HTTPProblem):
                slots.append(self.limit.admit("score"))
        for slot in slots:
            slot.begin()
            self.now += seconds_each
        for slot in slots:
            slot.end()
        self.now += 0.001
        return len(slots)


def test_the_limit_follows_how_long_calls_wait_for_their_turn():
    process = SlowLoop(max_in_flight=32)

    assert process.turn(100, seconds_each=0.001) == 32
    assert [process.turn(100, seconds_each=0.001) for _ in range(50)][-1] <= 13
    quick = [process.turn(100, seconds_each=0.00001) for _ in range(300)]
    assert quick == sorted(quick)
    assert quick[-1] == 32


def test_the_limit_shrinks_once_for_all_that_waited_together():
    process = SlowLoop(max_in_flight=32)
    process.turn(100, seconds_each=0.01)

    assert process.limit.allowed == 32 * DECREASE


def test_however_slow_the_process_some_calls_are_taken():
    process = SlowLoop(max_in_flight=32)

    assert [process.turn(100, seconds_each=1.0) for _ in range(30)][-1] == MIN_IN_FLIGHT
    assert ConcurrencyLimit(2).allowed == 2


def test_few_calls_do_not_move_the_limit():
    process = SlowLoop(max_in_flight=32)
    process.turn(100, seconds_each=0.001)
    shrunk = process.limit.allowed
    for _ in range(100):
        process.turn(2, seconds_each=0.0)

    assert process.limit.allowed == shrunk


def test_of_an_overload_the_log_has_a_line_now_and_then(caplog):
    now = [0.0]
    limit = ConcurrencyLimit(0, clock=lambda: now[0])

    def refuse(times):
        for _ in range(times):
            with pytest.raises(HTTPProblem):
                limit.admit("score")

    refuse(100)
    now[0] = 60.0
    refuse(100)

    assert [record.message for record in caplog.records] == ["overload: 0 calls in flight; score: refused"] * 2


@pytest.fixture
def edge(tmp_path):
    edge = started(tmp_path / "nats", OO_TRANSFORMER_MAX_IN_FLIGHT="2")
    yield edge
    edge.close()


def test_a_process_answers_as_many_as_it_may_and_refuses_the_others(edge):
    edge.start_predictor(delay=3.0)
    with ThreadPoolExecutor(8) as callers:
        replies = list(callers.map(lambda _: edge.post("/score", ASK), range(8)))
    edge.predictor.RequestHandlerClass.delay = 0.0

    assert sorted(reply.status_code for reply in replies) == [200] * 2 + [503] * 6
    assert 'oo_shed_total{answer="refused",route="score"} 6.0' in edge.get("/metrics").text
    assert eventually(lambda: edge.post("/score", ASK).json()["degraded"] is None)
