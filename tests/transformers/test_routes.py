"""What may be called is a list. What is not on it KServe's app never sees, and each refusal is one line in the log."""

from __future__ import annotations

import json
import logging

import pytest

SCORE = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent"}, {"id": "t-2", "content": "Call"}]}
V1, V2 = "/v1/models/tip-ranker:predict", "/v2/models/tip-ranker/infer"
JSON = {"content-type": "application/json"}
NOT_LISTED = [
    ("POST", "/v2/repository/models/tip-ranker/unload"),
    ("POST", "/v2/repository/models/tip-ranker/load"),
    ("POST", "/v2/repository/index"),
    ("GET", "/v2/repository/models/tip-ranker/unload"),
    ("POST", "/v2/repository/models/tip-ranker/%75nload"),
    ("POST", "//v2/repository/models/tip-ranker/unload"),
    ("POST", "/v1/models/tip-ranker:explain"),
    ("POST", "/v1/models/other:predict"),
    ("GET", "/v2/models/other"),
    ("GET", "/v2/models/tip-ranker/versions/9"),
    ("GET", "/v2/models/tip-ranker/versions/9/ready"),
    ("POST", "/v2/models/tip-ranker/versions/9/infer"),
    ("POST", "/openai/v1/chat/completions"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/redoc"),
    ("GET", "/"),
    ("GET", "/score/"),
    ("GET", "/nowhere"),
    ("DELETE", "/v2/models/tip-ranker/versions/9"),
]


def tensor(*bodies, **other):
    return {"inputs": [{"name": "bodies", "shape": [len(bodies)], "datatype": "BYTES", "data": list(bodies)} | other]}


async def call(fakes, method, path, content=b"{}", headers=JSON):
    async with fakes.client() as client:
        return await client.request(method, path, content=content, headers=headers)


def is_problem(reply):
    return reply.headers["content-type"] == "application/problem+json" and reply.json()["status"] == reply.status_code


@pytest.mark.parametrize(("method", "path"), NOT_LISTED)
async def test_what_is_not_listed_is_not_there(fakes, method, path):
    reply = await call(fakes, method, path)

    assert reply.status_code == 404
    assert is_problem(reply)
    assert "secret" not in reply.text


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/v1/models", "/v1/models/tip-ranker", "/v2", "/v2/models", "/v2/models/tip-ranker/ready"),
        *("/v2/health/live", "/v2/health/ready"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_what_is_passed_on_can_only_be_read(fakes, method, path):
    reply = await call(fakes, method, path)

    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")
    assert is_problem(reply)


async def test_a_websocket_is_closed_before_it_is_one(fakes):
    sent = []

    async def send(message):
        sent.append(message)

    await fakes.app()({"type": "websocket", "path": "/score", "headers": []}, None, send)

    assert sent == [{"type": "websocket.close"}]


HOSTILE = {
    "an infinite number": ("/score", b'{"user_id": "u", "tasks": 1e400}', 422),
    "inputs that are infinite": (V2, b'{"inputs":1e400}', 422),
    "instances that are infinite": (V1, b'{"instances":1e400}', 422),
    "an instance that is infinite": (V1, b'{"instances":[1e400]}', 422),
    "half a character": (V2, b'{"inputs":"\\ud800"}', 422),
    "half a character in V1": (V1, b'{"instances":"\\ud800"}', 422),
    "a shape of 1e400": (V2, json.dumps(tensor("{}", shape=["x"])).replace('"x"', "1e400").encode(), 422),
    "a negative shape": (V2, json.dumps(tensor("{}", shape=[-1])).encode(), 422),
    "a shape of more": (V2, json.dumps(tensor(json.dumps(SCORE), shape=[2])).encode(), 422),
    "numbers": (V2, json.dumps(tensor(1.5, datatype="FP32")).encode(), 422),
    "text that is no JSON": (V2, json.dumps(tensor("{")).encode(), 422),
    "JSON that is no call": (V2, json.dumps(tensor('{"user_id": 1e400}')).encode(), 422),
    "a datatype that is a list": (V2, json.dumps(tensor("{}", datatype=["BYTES"])).encode(), 422),
    "data that is an object": (V2, json.dumps(tensor("{}", data={"a": 1})).encode(), 422),
    "no inputs": (V2, b'{"inputs": []}', 422),
    "two inputs": (V2, json.dumps({"inputs": tensor("{}")["inputs"] * 2}).encode(), 422),
    "an id with a line break": (V2, json.dumps(tensor(json.dumps(SCORE)) | {"id": "a\r\nb"}).encode(), 422),
    "no bytes": (V2, b"", 400),
    "a list": (V1, b"[]", 422),
    "deep": (V1, b'{"instances":' + b"[" * 40_000, 400),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_value_is_a_problem_and_one_line_in_the_log(fakes, caplog, name):
    path, content, status = HOSTILE[name]
    caplog.set_level(logging.INFO, "oo_serving")

    reply = await call(fakes, "POST", path, content)

    assert reply.status_code == status, reply.text
    assert is_problem(reply)
    assert [record.getMessage() for record in caplog.records] == [f"POST {path}: {status} {reply.json()['detail']}"]
    assert caplog.records[0].exc_info is None


@pytest.mark.parametrize("path", [V1, V2, "/score", "/generate"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (JSON | {"inference-header-content-length": "999"}, 400),
        (JSON | {"inference-header-content-length": "1"}, 400),
        (JSON | {"inference-header-content-length": "-5"}, 400),
        (JSON | {"inference-header-content-length": "many"}, 400),
        (JSON | {"inference-header-content-length": "1e400"}, 400),
        ({"content-type": "application/octet-stream", "inference-header-content-length": "2"}, 415),
        ({"content-type": "application/cloudevents+json"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "text/json"}, 415),
        ({"content-type": b"\xff\xfe"}, 415),
        ({}, 415),
    ],
)
async def test_a_header_that_says_it_is_not_json_alone_is_the_callers_error(fakes, caplog, path, headers, status):
    caplog.set_level(logging.INFO, "oo_serving")

    reply = await call(fakes, "POST", path, b'{"inputs": [], "instances": []}', headers)

    assert reply.status_code == status
    assert is_problem(reply)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("headers", [{"ce-id": "1", "ce-source": "x", "ce-type": "y", "ce-specversion": "1.0"}, {}])
async def test_both_protocols_score_and_publish_every_body(fakes, headers):
    one, two = json.dumps(SCORE), json.dumps(SCORE | {"request_id": "r-2"})

    v1 = await call(fakes, "POST", V1, json.dumps({"instances": [SCORE, SCORE]}).encode(), JSON | headers)
    v2 = await call(fakes, "POST", V2, json.dumps(tensor(one, two) | {"id": "call-1"}).encode(), JSON | headers)

    assert [len(reply["scores"]) for reply in v1.json()["predictions"]] == [2, 2]
    output = v2.json()["outputs"][0]
    assert (v2.json()["id"], v2.json()["model_name"], output["shape"]) == ("call-1", "tip-ranker", [2])
    assert [json.loads(reply)["request_id"] for reply in output["data"]][1] == "r-2"
    assert len(fakes.outbox.events) == 4


async def test_of_a_call_with_one_wrong_body_nothing_is_scored_and_the_pointer_leads_there(fakes):
    reply = await call(fakes, "POST", V1, json.dumps({"instances": [SCORE, {"user_id": ""}]}).encode())

    assert reply.json()["errors"][0]["pointer"] == "/instances/1/user_id"
    assert (fakes.predictor.calls, fakes.outbox.events) == ([], [])
