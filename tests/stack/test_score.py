"""`/score` through the ingress, with tasks as Todoist sends them."""

from __future__ import annotations

import math
import uuid
from collections import Counter

import httpx
import pytest
from nats_reader import events

REST_V2 = {
    "creator_id": "2671355",
    "created_at": "2026-11-12T20:13:00.000000Z",
    "assignee_id": None,
    "assigner_id": None,
    "comment_count": 10,
    "is_completed": False,
    "content": "Buy milk",
    "description": "",
    "due": {
        "date": "2026-11-22",
        "is_recurring": False,
        "datetime": "2026-11-22T12:00:00.000000Z",
        "string": "tomorrow at 12",
        "timezone": "Europe/Moscow",
    },
    "deadline": {"date": "2026-12-04"},
    "duration": {"amount": 15, "unit": "minute"},
    "id": "2995104339",
    "labels": ["Food", "Shopping"],
    "order": 1,
    "priority": 1,
    "project_id": "2203306141",
    "section_id": "7025",
    "parent_id": "2995104589",
    "url": "https://todoist.com/showTask?id=2995104339",
}
SYNC_V1 = {
    "user_id": "2671355",
    "id": "6X7rM8997g3RQmvh",
    "project_id": "6Jf8VQXxpwv56VQ7",
    "section_id": None,
    "parent_id": None,
    "added_by_uid": "2671355",
    "assigned_by_uid": None,
    "responsible_uid": None,
    "labels": [],
    "deadline": None,
    "duration": None,
    "checked": False,
    "is_deleted": False,
    "added_at": "2026-11-21T13:53:25.357000Z",
    "completed_at": None,
    "updated_at": "2026-11-22T13:53:25.357000Z",
    "due": {"date": "2026-11-24", "timezone": None, "string": "24 nov", "lang": "en", "is_recurring": False},
    "priority": 4,
    "child_order": 1,
    "content": "Pay the rent",
    "description": "",
    "note_count": 0,
    "day_order": -1,
    "is_collapsed": False,
    "a_field_from_next_year": {"deep": [1, 2, {"x": None}]},
}
WITH_TIME = SYNC_V1 | {"id": "6X7rfEVP8hvv25ZQ", "due": SYNC_V1["due"] | {"date": "2026-11-24T09:30:00"}}
DONE = SYNC_V1 | {"id": "6X7rfFVP8hvv25ZR", "checked": True}


def ask(**more):
    return {"user_id": "u-1", "timezone": "Europe/Berlin", "tasks": [REST_V2, SYNC_V1, WITH_TIME, DONE]} | more


def test_both_of_todoists_shapes_are_ranked(stack):
    reply = stack.post("/score", ask()).json()

    assert {item["candidate_id"] for item in reply["scores"]} == {REST_V2["id"], SYNC_V1["id"], WITH_TIME["id"]}
    assert reply["chosen"] in {item["candidate_id"] for item in reply["scores"]}
    assert reply["model"]["name"] == "tip-ranker"
    assert reply["degraded"] is None
    assert math.isclose(sum(item["propensity"] for item in reply["scores"]), 1)


def test_two_hundred_tasks_are_one_call_to_the_predictor(stack):
    request = f"r-{uuid.uuid4()}"
    tasks = [SYNC_V1 | {"id": f"t-{place}", "priority": place % 4 + 1} for place in range(200)]

    reply = stack.post("/score", ask(tasks=tasks, request_id=request)).json()

    scores = [item["score"] for item in reply["scores"]]
    assert len(scores) == 200
    assert all(math.isfinite(score) for score in scores)
    assert scores == sorted(scores, reverse=True)
    assert [item["rank"] for item in reply["scores"]] == list(range(1, 201))
    calls = events(
        stack, "predictions.tip-ranker", lambda event: event["request_id"] == request and event["role"] == "live"
    )
    assert len(calls) == 1
    assert len(calls[0]["values"]) == 200


def test_a_request_id_always_gets_the_same_answer(stack):
    body = ask(request_id="r-same")
    with httpx.Client(base_url=stack.url) as client:
        replies = [client.post("/score", json=body).json() for _ in range(1000)]

    assert len({reply["chosen"] for reply in replies}) == 1
    assert (
        len({tuple((item["candidate_id"], item["propensity"]) for item in reply["scores"]) for reply in replies}) == 1
    )


@pytest.mark.long
def test_choices_are_as_frequent_as_their_propensities(stack):
    with httpx.Client(base_url=stack.url) as client:
        replies = [
            client.post("/score", json=ask(request_id=f"r-{place}", user_id="u-9")).json() for place in range(3000)
        ]
    chosen = Counter(reply["chosen"] for reply in replies)
    expected = Counter()
    for reply in replies:
        expected.update({item["candidate_id"]: item["propensity"] for item in reply["scores"]})

    chi2 = sum((chosen[name] - mean) ** 2 / mean for name, mean in expected.items())

    assert chi2 < 27.6  # p > 1e-6 with 2 degrees of freedom


def test_nothing_to_choose_from_is_an_answer(stack):
    reply = stack.post("/score", {"user_id": "u-1", "tasks": []})

    assert (reply.status_code, reply.json()["chosen"], reply.json()["scores"]) == (200, None, [])


def test_the_reply_says_where_the_time_went(stack):
    timing = stack.post("/score", ask()).headers["server-timing"]

    assert {part.split(";")[0].strip() for part in timing.split(",")} >= {"features", "predictor", "policy", "encode"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        pytest.param({"timezone": "Mars/Olympus"}, "/timezone", id="unknown zone"),
        pytest.param({"user_id": 7.5}, "/user_id", id="a fraction for an id"),
        pytest.param({"tasks": [SYNC_V1 | {"id": None}]}, "/tasks/0/id", id="a task without an id"),
        pytest.param({"profile_feature": {}}, "/profile_feature", id="a misspelt field"),
    ],
)
def test_bad_input_names_the_field(stack, change, pointer):
    reply = stack.post("/score", ask(**change))

    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in reply.json()["errors"]]


@pytest.mark.parametrize(
    ("odd", "feature", "reason"),
    [
        pytest.param({"priority": 9}, "task.priority", "out_of_range", id="priority out of range"),
        pytest.param({"added_at": "yesterday"}, "task.created_at", "invalid", id="a date in words"),
    ],
)
def test_an_odd_field_of_a_task_is_named_and_means_its_default(stack, odd, feature, reason):
    reply = stack.post("/score", ask(user_id=7, tasks=[SYNC_V1 | odd]))

    assert reply.status_code == 200
    assert {"feature": feature, "reason": reason, "task_id": SYNC_V1["id"]} in reply.json()["fallbacks"]
