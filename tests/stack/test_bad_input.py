"""What must never be a 5xx: many ways to get a body wrong, on both routes, through the ingress."""

from __future__ import annotations

import json

import httpx
import pytest

USER = '"user_id": "u-1"'
TASK = '{"id": "t-1", "content": "x"}'


def with_tasks(tasks: str) -> str:
    return f'{{{USER}, "tasks": {tasks}}}'


BODIES = {
    "empty": "",
    "not json": "hello",
    "half": '{"user_id": "u-1"',
    "two values": "{} {}",
    "a list": "[]",
    "a number": "1",
    "null": "null",
    "no user": "{}",
    "user is null": '{"user_id": null}',
    "user is empty": '{"user_id": ""}',
    "user is a list": '{"user_id": [5]}',
    "user is too long": json.dumps({"user_id": "u" * 10_000}),
    "bytes that are no utf-8": b'{"user_id": "\xff\xfe"}',
    "a lone surrogate": '{"user_id": "\\ud800"}',
    "tasks is text": with_tasks('"all"'),
    "a task is a number": with_tasks("[5]"),
    "a task without id": with_tasks('[{"content": "x"}]'),
    "a task twice": with_tasks(f"[{TASK}, {TASK}]"),
    "a task's id is a list": with_tasks('[{"id": [], "priority": NaN}]'),
    "a task's id is a fraction": with_tasks('[{"id": 1.5}]'),
    "a title is too long": with_tasks(json.dumps([{"id": "t", "content": "x" * 20_000}])),
    "unknown zone": f'{{{USER}, "timezone": "Mars/Olympus"}}',
    "a path for a zone": f'{{{USER}, "timezone": "../../etc/passwd"}}',
    "a field of ours misspelt": f'{{{USER}, "profile_feature": {{}}}}',
    "profile is a list": f'{{{USER}, "profile_features": []}}',
    "computed in a list": f'{{{USER}, "profile_computed_at": ["noon"]}}',
    "deep nesting": with_tasks("[" * 50_000 + "]" * 50_000),
    "deep nesting where anything goes": f'{{{USER}, "profile_features": {{"x": {"[" * 50_000}{"]" * 50_000}}}}}',
    "100,000 tasks": with_tasks("[" + ",".join(f'{{"id": "{place}"}}' for place in range(100_000)) + "]"),
    "50 MB": '{"user_id": "' + "u" * 50_000_000 + '"}',
}
WITHOUT_FIELD = {
    "empty",
    "not json",
    "half",
    "two values",
    "bytes that are no utf-8",
    "a lone surrogate",
    "deep nesting",
    "deep nesting where anything goes",
    "100,000 tasks",
    "50 MB",
}


@pytest.mark.parametrize("route", ["/score", "/generate"])
@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_the_callers_error(stack, route, name):
    data = BODIES[name]
    content = data if isinstance(data, bytes) else data.encode()

    reply = httpx.post(f"{stack.url}{route}", content=content, headers={"content-type": "application/json"}, timeout=30)

    assert 400 <= reply.status_code < 500
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["status"] == reply.status_code
    assert not any(word in reply.text for word in ("Traceback", "Error:", "exception", "pydantic", "0x"))
    assert name in WITHOUT_FIELD or (reply.status_code == 422 and problem["errors"]), problem


ODD_TASKS = {
    "priority is NaN": '{"id": "t", "priority": NaN}',
    "priority is Infinity": '{"id": "t", "priority": -Infinity}',
    "priority is 1e400": '{"id": "t", "priority": 1e400}',
    "priority is text": '{"id": "t", "priority": "urgent"}',
    "content is a list": '{"id": "t", "content": []}',
    "due is a number": '{"id": "t", "due": 5}',
    "due on the 31st of February": '{"id": "t", "due": {"date": "2026-02-31"}}',
    "due in words": '{"id": "t", "due": {"date": "tomorrow"}}',
    "checked is a word": '{"id": "t", "checked": "perhaps"}',
}


@pytest.mark.parametrize("name", ODD_TASKS)
def test_an_odd_task_fails_no_call(stack, name):
    body = with_tasks(f"[{ODD_TASKS[name]}]")

    reply = httpx.post(f"{stack.url}/score", content=body, headers={"content-type": "application/json"}, timeout=30)

    assert reply.status_code == 200
    assert [item["task_id"] for item in reply.json()["fallbacks"] if "task_id" in item] == ["t"]


@pytest.mark.parametrize("route", ["/score", "/generate"])
@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_415(stack, route, kind):
    reply = httpx.post(f"{stack.url}{route}", content=b'{"user_id": "u-1"}', headers={"content-type": kind})

    assert reply.status_code == 415
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("route", ["/score", "/generate"])
def test_another_method_is_405(stack, route):
    reply = httpx.get(f"{stack.url}{route}")

    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
