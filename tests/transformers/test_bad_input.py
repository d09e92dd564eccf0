"""Whatever is sent, the edge answers below 500, with a problem that says what to change."""

from __future__ import annotations

import asyncio
import json
import time

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oo_contracts.checksums import mismatches
from oo_contracts.events import ScoreDecision
from oo_contracts.task_columns import CandidateColumns
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1

ROUTES = pytest.mark.parametrize("route", ["/score", "/generate"])
KNOWN = [
    *("user_id", "request_id", "timezone", "tasks", "candidates", "candidate", "baseline", "profile_features"),
    *("profile_computed_at", "prompt_version", "id", "content", "priority", "due", "date", "datetime", "labels"),
    *("added_at", "created_at", "checked", "is_completed", "kind", "task_id", "eligible", "completion_rate_30d"),
]
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [10**400, "u-1", "v1", "Europe/Berlin", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", 1e300]
    ),
    st.dates().map(str),
    st.datetimes(timezones=st.timezones()).map(str),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KNOWN), inner, max_size=6),
    max_leaves=20,
)
due = st.dictionaries(st.sampled_from(["date", "datetime", "is_recurring", "timezone"]), leaves, max_size=3)
tasks = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["t-1", "t-2", "t-3"])},
        optional={"content": st.text(), "priority": st.integers(0, 5), "due": due | leaves, "added_at": leaves},
    ),
    max_size=3,
)
FIELDS = ["content", "description", "priority", "labels", "parent_id", "project_id", "due", "order", "child_order"]
FIELDS += ["created_at", "added_at", "createdAt", "addedAt", "is_completed", "checked", "isCompleted", "completed_at"]
FIELDS += ["is_deleted", "isDeleted", "completedAt", "childOrder", "parentId", "projectId"]
odd_tasks = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 2**53) | st.text("abc", min_size=1)}, optional=dict.fromkeys(FIELDS, values | due)
    ),
    max_size=4,
    unique_by=lambda task: str(task["id"]),
)
calls = st.fixed_dictionaries(
    {"user_id": st.just("u-1")},
    optional={
        "tasks": tasks,
        "timezone": st.sampled_from(["UTC", "Pacific/Kiritimati", "America/New_York", "Mars"]),
        "profile_features": st.dictionaries(st.sampled_from(KNOWN) | st.text(), values, max_size=4),
        "profile_computed_at": leaves,
        "baseline": leaves,
    },
)


def is_problem(reply):
    return reply.headers["content-type"] == "application/problem+json" and reply.json()["status"] == reply.status_code


@ROUTES
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(calls, calls, values))
def test_no_json_makes_the_edge_fail(fakes, route, body):
    reply = asyncio.run(fakes_post(fakes, route, json.dumps(body).encode()))

    assert reply.status_code == 200 or (reply.status_code in {400, 422} and is_problem(reply)), reply.text


@ROUTES
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tasks=odd_tasks, stamps=leaves | st.dictionaries(st.sampled_from(["preferred_hour", "tip_volume_7d"]), leaves))
def test_no_odd_task_and_no_instant_fails_a_call_and_its_event_replays(fakes, route, tasks, stamps):
    profile = {"preferred_hour": 9, "tip_volume_7d": 2}
    body = {"user_id": 7, "tasks": tasks, "profile_features": profile, "profile_computed_at": stamps}

    reply = asyncio.run(fakes_post(fakes, route, json.dumps(body).encode()))

    assert reply.status_code == 200, reply.text
    assert {item.get("task_id") for item in reply.json()["fallbacks"]} <= {None, *(str(task["id"]) for task in tasks)}
    if route == "/score":
        event = ScoreDecision.read(fakes.outbox.events[-1][1])
        again = RANKER_V1.rows(
            FeatureContext.from_facts(event.moment), CandidateColumns.from_candidates(event.candidates)
        )
        assert again.values.tolist() == [list(item.row) for item in event.candidates]
        assert again.fallbacks == event.fallbacks
        assert mismatches(event) == []


@ROUTES
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300))
def test_no_bytes_make_the_edge_fail(fakes, route, body):
    reply = asyncio.run(fakes_post(fakes, route, body))

    assert reply.status_code in {400, 422}
    assert is_problem(reply)


CUT = f"/candidates/0/{'~0' * 128}…"


async def fakes_post(fakes, route, content, kind="application/json"):
    async with fakes.client() as client:
        return await client.post(route, content=content, headers={"content-type": kind})


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/user_id"),
        ({"user_id": "u", "tasks": [{"id": "t"}, {"content": "x"}]}, "/tasks/1/id"),
        ({"user_id": "u", "tasks": [{"id": "t"}, 5]}, "/tasks/1"),
        ({"user_id": "u", "tasks": [{"id": [], "priority": 9}]}, "/tasks/0/id"),
        ({"user_id": "u", "a/b~c": 1}, "/a~1b~0c"),
        ({"user_id": "u", "x" * 10_000: 1}, f"/{'x' * 128}…"),
        ({"user_id": "u", "tasks": [{"id": "t"}], "candidates": [{"id": "c", "task_id": "t", "~" * 129: 1}]}, CUT),
    ],
)
async def test_the_wrong_field_is_named_as_the_caller_spelt_it(fakes, body, pointer):
    reply = await fakes.post("/score", body)

    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, pointer)


@ROUTES
async def test_another_content_type_is_415(fakes, route):
    reply = await fakes_post(fakes, route, b"{}", "text/plain")

    assert reply.status_code == 415
    assert is_problem(reply)


@ROUTES
async def test_another_method_is_405_and_says_which(fakes, route):
    async with fakes.client() as client:
        reply = await client.put(route)

    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    assert is_problem(reply)


@pytest.mark.parametrize("route", ["/score", "/generate", "/v1/models/tip-ranker:predict"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_413_whether_it_says_so_or_not(fakes, route, chunked):
    async def parts():
        for _ in range(20):
            yield b" " * 10_000

    content = parts() if chunked else b" " * 200_000
    async with fakes.client() as client:
        reply = await client.post(route, content=content, headers={"content-type": "application/json"})

    assert reply.status_code == 413
    assert is_problem(reply)


async def test_kserves_own_failures_lose_their_text(fakes):
    async with fakes.client() as client:
        reply = await client.get("/metrics")

    assert reply.status_code == 500
    assert is_problem(reply)
    assert "secret" not in reply.text


async def test_a_fault_of_ours_is_logged_and_not_told(fakes, caplog):
    fakes.predictor.failure = RuntimeError("secret")

    reply = await fakes.post("/score", {"user_id": "u", "tasks": [{"id": "t"}]})

    assert reply.status_code == 500
    assert is_problem(reply)
    assert "secret" not in reply.text
    assert "secret" in caplog.text


async def test_a_caller_who_leaves_early_is_answered_nothing_and_nothing_happens(fakes):
    messages = [
        {"type": "http.request", "body": b'{"user_id": "u"}', "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {"type": "http", "path": "/score", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    await fakes.app()(scope, receive, send)

    assert (sent, fakes.outbox.events) == ([], [])


@pytest.mark.long
@pytest.mark.alone
async def test_a_call_holds_up_the_others_for_a_small_part_of_the_budget(fakes):
    candidates = [{"id": f"c-{place}", "task_id": "t-1"} for place in range(100)]
    body = {"user_id": "u", "tasks": [{"id": "t-1"}], "candidates": candidates}
    await fakes.post("/score", body)

    # the best of many turns: a machine with other work interrupts one or the other, a call that holds up each of them
    pauses = [await longest_pause(several(fakes, body)) for _ in range(10)]

    assert min(pauses) < 0.2


async def several(fakes, body):
    for _ in range(5):
        assert (await fakes.post("/score", body)).status_code == httpx2.codes.OK


async def longest_pause(work):
    """The longest time that the loop did not turn while some work went on, in seconds."""
    pauses, task = [0.0], asyncio.ensure_future(work)
    while not task.done():
        before = time.perf_counter()
        await asyncio.sleep(0)
        pauses.append(time.perf_counter() - before)
    await task
    return max(pauses)
