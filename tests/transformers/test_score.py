"""`/score` over fakes: the answer, its event, and what becomes of both when something fails."""

from __future__ import annotations

import orjson
import pytest
from oo_contracts.events import ScoreDecision
from oo_contracts.score import ScoreReply
from oo_features.feature_sets import RANKER_V1
from oo_serving.upstream_connection import UpstreamResponse
from oo_transformers.degradation import FeatureSetMismatch, PredictorUnavailable
from oo_transformers.predictor_client import forwarded_headers
from oo_transformers.predictor_messages import read_predictions

TASKS = [{"id": f"t-{place}", "content": "Pay the rent"} for place in range(4)]
ORIGIN = {"feature_set": "f@1", "columns": "c1"}
ASK = {"user_id": "u-1", "request_id": "r-1", "tasks": TASKS}


async def test_an_answer_is_best_first_and_its_chances_add_up(fakes):
    answer = (await fakes.post("/score", ASK)).json()

    assert [item["candidate_id"] for item in answer["scores"]] == ["t-3", "t-2", "t-1", "t-0"]
    assert [item["rank"] for item in answer["scores"]] == [1, 2, 3, 4]
    assert sum(item["propensity"] for item in answer["scores"]) == pytest.approx(1)
    assert ScoreReply.model_validate(answer).model.version == "7"


async def test_a_reply_says_where_its_time_went(fakes):
    timing = (await fakes.post("/score", ASK)).headers["server-timing"]

    assert [part.partition(";")[0] for part in timing.split(", ")] == [
        "features",
        "predictor",
        "policy",
        "encode",
        "total",
    ]


async def test_the_predictor_is_asked_exactly_once(fakes):
    await fakes.post("/score", ASK)

    assert fakes.predictor.calls == [(4, RANKER_V1.ref, "r-1")]


async def test_the_same_request_id_gets_the_same_choice(fakes):
    answers = [(await fakes.post("/score", ASK)).json() for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]


async def test_a_request_without_an_id_is_given_one(fakes):
    answer = (await fakes.post("/score", {"user_id": "u-1"})).json()

    assert len(answer["request_id"]) == len("0190a5e6-7c1b-7000-8000-000000000000")


@pytest.mark.parametrize("body", [{"tasks": []}, {"tasks": TASKS, "candidates": []}])
async def test_nothing_to_choose_from_is_an_answer_and_asks_nobody(fakes, body):
    reply = await fakes.post("/score", {"user_id": "u-1"} | body)

    assert (reply.status_code, reply.json()["chosen"], reply.json()["scores"]) == (200, None, [])
    assert fakes.predictor.calls == []


@pytest.mark.parametrize(
    ("failure", "degraded"),
    [(PredictorUnavailable("slow"), "predictor"), (FeatureSetMismatch("other"), "features")],
)
async def test_without_the_predictor_the_baseline_is_chosen_for_certain(fakes, failure, degraded):
    fakes.predictor.failure = failure

    answer = (await fakes.post("/score", ASK | {"baseline": "t-2"})).json()

    assert (answer["degraded"], answer["chosen"], answer["policy"]["name"]) == (degraded, "t-2", "baseline")
    assert {item["score"] for item in answer["scores"]} == {0.0}
    assert {item["candidate_id"]: item["propensity"] for item in answer["scores"]}["t-2"] == 1


async def test_an_ineligible_candidate_is_never_chosen_but_logged(fakes):
    candidates = [{"id": "a", "kind": "tip", "eligible": False}, {"id": "b", "kind": "none"}]

    answer = (await fakes.post("/score", ASK | {"candidates": candidates})).json()

    assert answer["chosen"] == "b"
    assert {item["candidate_id"]: item["propensity"] for item in answer["scores"]} == {"a": 0, "b": 1}
    assert [item.id for item in ScoreDecision.read(fakes.outbox.events[0][1]).candidates] == ["a", "b"]


async def test_the_event_carries_the_round_as_it_was_answered(fakes):
    answer = (await fakes.post("/score", ASK)).json()

    subject, data = fakes.outbox.events[0]
    event = ScoreDecision.read(data)
    assert (subject, event.request_id, event.chosen_id) == ("decisions.score", "r-1", answer["chosen"])
    assert {item.id: item.propensity for item in event.candidates} == {
        item["candidate_id"]: item["propensity"] for item in answer["scores"]
    }
    assert "Pay the rent" not in data


async def test_nothing_of_a_profile_but_the_mirrored_names_is_logged(fakes):
    profile = {"completion_rate_30d": 0.5, "diary": "dear secret", "notes": ["secret"] * 1000}

    await fakes.post("/score", ASK | {"profile_features": profile})

    ((_, logged),) = fakes.outbox.events
    assert "completion_rate_30d" in logged
    assert "secret" not in logged


def answered(status=200, **changes):
    whole = {
        "model_name": "m",
        "model_version": "1",
        "parameters": ORIGIN,
        "outputs": [{"data": [0.5, 1]}],
    }
    return UpstreamResponse(status, orjson.dumps(whole | changes))


def test_values_are_taken_when_there_is_one_finite_number_for_each_row():
    assert read_predictions(answered(), 2, ORIGIN).values == (0.5, 1.0)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(answered(503), id="503"),
        pytest.param(answered(404), id="404"),
        pytest.param(UpstreamResponse(200, b"<html>"), id="not JSON"),
        pytest.param(UpstreamResponse(200, b"[]"), id="a list"),
        pytest.param(UpstreamResponse(200, b'{"outputs": [{"data": [1e999, 1]}]}'), id="infinite"),
        pytest.param(answered(outputs=[]), id="no output"),
        pytest.param(answered(outputs=[{"data": [0.5]}]), id="too few"),
        pytest.param(answered(outputs=[{"data": [None, 0.5]}]), id="null"),
        pytest.param(answered(outputs=[{"data": ["0.5", "0.6"]}]), id="text"),
        pytest.param(answered(outputs=[{"data": "12"}]), id="a word of digits"),
        pytest.param(answered(outputs=[{"data": [True, False]}]), id="booleans"),
        pytest.param(answered(parameters=None), id="no parameters"),
    ],
)
def test_any_other_answer_is_a_predictor_that_is_not_there(answer):
    with pytest.raises(PredictorUnavailable) as failure:
        read_predictions(answer, 2, ORIGIN)

    assert failure.value.reason == "predictor"


@pytest.mark.parametrize(
    "answer",
    [
        answered(409),
        answered(parameters=ORIGIN | {"feature_set": "f@2"}),
        answered(parameters=ORIGIN | {"columns": "c2"}),
    ],
)
def test_another_feature_set_is_said_to_be_that(answer):
    with pytest.raises(FeatureSetMismatch):
        read_predictions(answer, 2, ORIGIN)


def test_only_four_headers_go_on():
    headers = {b"cookie": b"s", b"authorization": b"Bearer x", b"traceparent": b"00-1", b"x-forwarded-for": b"1.2.3.4"}

    assert forwarded_headers(headers, "r-1\r\nevil: 1") == [
        (b"x-request-id", b"r-1%0D%0Aevil:%201"),
        (b"traceparent", b"00-1"),
        (b"authorization", b"Bearer x"),
    ]
