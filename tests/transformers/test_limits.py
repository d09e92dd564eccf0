"""What one call may cost: refused before it is parsed, in steps while it is worked on, and none for who has left."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from dataclasses import replace

import pytest
from oo_contracts.limits import MAX_BODY_BYTES, MAX_INSTANCES, MAX_TASKS
from oo_serving.asgi import FastPathMiddleware
from oo_serving.body import BodyLimits
from oo_serving.pace import MAX_WAITING

V1, V2 = "/v1/models/tip-ranker:predict", "/v2/models/tip-ranker/infer"
ROUTES = pytest.mark.parametrize("path", ["/score", "/generate"])
MANY = 45_000
USER = {"user_id": "u-1"}
SMALL = {**USER, "tasks": [{"id": "t-1", "content": "x"}]}


def task(place, **more):
    due = {"date": "2026-11-23", "string": "today", "is_recurring": False}
    return {"id": f"t-{place}", "content": "x" * 100, "due": due, "labels": ["home"], "added_at": None, **more}


def tasks(count, **more):
    return [task(place, **more) for place in range(count)]


def batch(path, bodies):
    """The bodies in one call of the protocol that the path speaks."""
    if path == V1:
        return {"instances": bodies}
    data = [json.dumps(body) for body in bodies]
    return {"inputs": [{"name": "b", "datatype": "BYTES", "shape": [len(data)], "data": data}]}


def hidden(body):
    """The body in a tensor, its commas and brackets spelt as escapes."""
    text = json.dumps(json.dumps(body))[1:-1]
    for character in ",[{":
        text = text.replace(character, f"\\u00{ord(character):02x}")
    return json.dumps(batch(V2, [7])).replace("7", text).encode()


def written(body):
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def edge(fakes):
    """The app with the limit that a deployment has."""
    app = fakes.app()
    fakes.edge = FastPathMiddleware(
        app.app, replace(app.fast_path, limits=BodyLimits(MAX_BODY_BYTES)), app.passed_through
    )
    fakes.app = lambda: fakes.edge
    return fakes


async def posted(edge, path, content, **headers):
    async with edge.client() as client:
        return await client.post(
            path, content=written(content), headers={"content-type": "application/json", **headers}
        )


HOSTILE = {
    "labels": ("/score", {**USER, "tasks": [{"id": "t", "labels": [1] * MANY}]}),
    "a million labels": ("/score", {**USER, "tasks": [{"id": "t", "labels": [1] * 600_000}]}),
    "unknown fields": ("/score", {**USER, **{f"{place}": 1 for place in range(MANY)}}),
    "unknown fields of /generate": ("/generate", {**USER, **{f"{place}": 1 for place in range(MANY)}}),
    "unknown fields of a candidate": ("/score", {**USER, "candidates": [{f"{place}": 1 for place in range(MANY)}]}),
    "unknown fields of an instance": (V1, {"instances": [{f"{place}": 1 for place in range(MANY)}]}),
    "unknown fields that escapes hide": (V2, hidden({**USER, **{f"{place}": 1 for place in range(90_000)}})),
    "labels that escapes hide": (V2, hidden({**USER, "tasks": [{"id": "t", "labels": [1] * 150_000}]})),
    "a name as long as a body": ("/score", b'{"user_id":"u","' + "\x85".encode() * 900_000 + b'":1}'),
    "fewer unknown fields": ("/score", {**USER, **{f"{place}": 1 for place in range(10_000)}}),
    "tasks that are none": ("/score", {**USER, "tasks": [1] * MANY}),
    "candidates that are none": ("/score", {**USER, "candidates": [{"id": 1, "x": 2}] * 15_000}),
    "lists in lists": ("/score", {**USER, "profile_features": {"x": [[]] * 300_000}}),
    "20,000 instances": (V1, {"instances": [{"user_id": "u"}] * 20_000}),
    "120,000 instances": (V1, {"instances": [{}] * 120_000}),
    "20,000 instances of V2": (V2, batch(V2, [{"user_id": "u"}] * 20_000)),
    "instances over the limit": (V1, batch(V1, [SMALL] * (MAX_INSTANCES + 1))),
    "instances of V2 over the limit": (V2, batch(V2, [SMALL] * (MAX_INSTANCES + 1))),
    "much work": (V1, batch(V1, [{**USER, "tasks": [{"id": f"{at}"} for at in range(800)]}] * 2)),
    "much work for V2": (V2, batch(V2, [{**USER, "tasks": [{"id": f"{at}"} for at in range(800)]}] * 2)),
    "a task too many": ("/score", {**USER, "tasks": [{"id": f"{at}"} for at in range(MAX_TASKS + 1)]}),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_too_much_is_refused_and_nothing_comes_of_it(edge, name):
    path, body = HOSTILE[name]

    reply = await posted(edge, path, body)

    assert reply.status_code in {413, 422}, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert (edge.outbox.events, edge.predictor.calls) == ([], [])


ODD = {"checked": None, "priority": "4", "due": "soon", "labels": [None, 1], "createdAt": 5}
HONEST = {
    "1,000 odd tasks": ("/score", {**USER, "tasks": tasks(1_000, **ODD)}),
    "1,000 odd tasks to write of": ("/generate", {**USER, "tasks": tasks(1_000, **ODD)}),
    "1,000 odd tasks in V1": (V1, batch(V1, [{**USER, "tasks": tasks(1_000, **ODD)}])),
    "1,000 odd tasks in V2": (V2, batch(V2, [{**USER, "tasks": tasks(1_000, **ODD)}])),
    "1,000 odd tasks that escapes hide": (V2, hidden({**USER, "tasks": tasks(1_000, **ODD)})),
    "a small one": ("/score", SMALL),
    "1,000 tasks": ("/score", {**USER, "tasks": tasks(1_000, description="y" * 1_000)}),
    "200 tasks with long texts": ("/score", {**USER, "tasks": tasks(200, content="ä" * 500, description="y" * 5_000)}),
    "500 tasks, 500 candidates": (
        "/score",
        {**USER, "tasks": tasks(500), "candidates": [{"id": f"c-{at}", "task_id": f"t-{at}"} for at in range(500)]},
    ),
    "instances": (V1, batch(V1, [SMALL] * MAX_INSTANCES)),
    "instances of V2": (V2, batch(V2, [SMALL] * MAX_INSTANCES)),
    "much work in one": (V1, batch(V1, [{**USER, "tasks": tasks(MAX_TASKS)}])),
}


@pytest.mark.parametrize("name", HONEST)
async def test_what_honest_callers_send_is_answered(edge, name):
    path, body = HONEST[name]

    reply = await posted(edge, path, body)

    assert reply.status_code == 200, reply.text
    assert len(edge.outbox.events) == (MAX_INSTANCES if name.startswith("instances") else 1)


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("name", [*HOSTILE, *HONEST])
async def test_no_call_holds_the_loop_for_long(edge, name):
    """Against a known piece of work, some 5 ms of it, of the best of several turns each."""
    path, body = (HOSTILE | HONEST)[name]
    content = written(body)
    turns = [
        (await longest_pause(posted(edge, path, content)), seconds(lambda: json.loads(REFERENCE))) for _ in "12345"
    ]

    held, unit = min(turn[0] for turn in turns), min(turn[1] for turn in turns)

    assert held < 5 * unit, f"{held * 1000:.1f} ms, {unit * 1000:.1f} ms"


async def test_nobody_works_on_for_a_caller_who_left(edge):
    started, went_on = asyncio.Event(), []

    async def predict(rows, feature_set, request_id, headers):
        started.set()
        await asyncio.sleep(0.2)
        went_on.append(request_id)

    edge.predictor.predict = predict
    content = json.dumps(batch(V1, [{**USER, "tasks": tasks(20)}] * MAX_INSTANCES)).encode()
    head = [(b"content-type", b"application/json")]
    scope = {"type": "http", "path": V1, "method": "POST", "headers": head, "server": ("edge", 1)}
    messages = [{"type": "http.request", "body": content}, {"type": "http.disconnect"}]

    async def receive():
        if len(messages) == 1:
            await started.wait()
        return messages.pop(0)

    sent = []
    await edge.app()(scope, receive, sent.append)
    await asyncio.sleep(0.3)

    assert (sent, went_on, edge.outbox.events) == ([], [], [])


async def test_large_calls_beyond_those_that_wait_come_again(edge):
    content = json.dumps({**USER, "tasks": tasks(400)}).encode()

    replies = await asyncio.gather(*(posted(edge, "/score", content) for _ in range(2 * MAX_WAITING + 1)))

    refused = [reply for reply in replies if reply.status_code == 503]
    assert len(replies) - len(refused) > MAX_WAITING
    assert refused
    assert {reply.headers["retry-after"] for reply in refused} == {"1"}
    assert (await posted(edge, "/score", content)).status_code == 200


@ROUTES
@pytest.mark.parametrize("title", [r"cut \ud83d", r"\ude00 first", r"\uD83D", r"in \ud83d the middle"])
async def test_half_a_character_in_a_text_is_replaced(edge, path, title):
    content = b'{"user_id": "u-1", "tasks": [{"id": "t-1", "content": "%s"}]}' % title.encode()

    reply = await posted(edge, path, content)

    assert reply.status_code == 200, reply.text
    assert len(edge.outbox.events) == 1


@ROUTES
@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ('"user_id": "u-\\ud83d"', "/user_id"),
        ('"user_id": "u", "request_id": "\\ude00"', "/request_id"),
        ('"user_id": "u", "tasks": [{"id": "t\\ud83d"}]', "/tasks/0/id"),
        ('"user_id": "u", "tasks": [{"id": "\\u0000"}]', "/tasks/0/id"),
    ],
)
async def test_half_a_character_in_an_id_is_422(edge, path, fields, pointer):
    reply = await posted(edge, path, f"{{{fields}}}".encode())

    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_half_a_character_within_a_tensor_is_replaced_too(edge):
    inner = r'{"user_id": "u-1", "tasks": [{"id": "t-1", "content": "cut \ud83d"}]}'
    tensor = {"name": "b", "datatype": "BYTES", "shape": [1], "data": [inner]}

    reply = await posted(edge, V2, {"inputs": [tensor]})

    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("path", ["/score", "/generate", V1])
async def test_gzip_and_a_byte_order_mark_are_read(edge, path):
    body = batch(V1, [SMALL]) if path == V1 else SMALL
    content = b"\xef\xbb\xbf" + json.dumps(body).encode()

    plain = await posted(edge, path, content)
    packed = await posted(edge, path, gzip.compress(content), **{"content-encoding": "gzip"})

    assert (plain.status_code, packed.status_code) == (200, 200)


@pytest.mark.parametrize(("encoding", "status"), [("br", 415), ("deflate", 415), ("gzip", 400)])
async def test_what_is_not_packed_as_it_says_is_refused(edge, encoding, status):
    reply = await posted(edge, "/score", SMALL, **{"content-encoding": encoding})

    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    assert reply.headers.get("accept-encoding") == ("gzip" if status == 415 else None)


async def test_a_bomb_is_413(edge):
    bomb = gzip.compress(b" " * 100_000_000)

    assert (await posted(edge, "/score", bomb, **{"content-encoding": "gzip"})).status_code == 413


REFERENCE = json.dumps([{"id": f"t-{place}", "labels": ["home"]} for place in range(10_000)])  # some 5 ms of json.loads


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


async def longest_pause(work):
    """The longest time that the loop did not turn while some work went on, in seconds."""
    pauses, running = [0.0], asyncio.ensure_future(work)
    while not running.done():
        before = time.perf_counter()
        await asyncio.sleep(0)
        pauses.append(time.perf_counter() - before)
    await running
    return max(pauses)
