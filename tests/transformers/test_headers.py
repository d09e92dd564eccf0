"""No text of a caller becomes a header of a call that we make: one place builds them all, and refuses what is none."""

from __future__ import annotations

import asyncio
from collections import Counter
from urllib.parse import unquote

import httptools
import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oo_contracts.inference import DEADLINE_HEADER, REQUEST_ID_HEADER
from oo_prompts.prompt_registry import load_prompts
from oo_serving.connection_pool import ConnectionPool
from oo_serving.request_head import header_value
from oo_transformers.language_model import LiteLlm
from oo_transformers.predictor_client import InferenceClient, forwarded_headers
from oo_transformers.settings import TransformerSettings
from pydantic import ValidationError

INJECTIONS = [
    "a\r\nx-litellm-num-retries: 9",
    "a\nx-litellm-num-retries: 9",
    "a\rx-litellm-num-retries: 9",
    "a\r\n\r\nPOST /v1/other HTTP/1.1\r\nhost: x\r\n\r\n",
    "a\x00",
    "\r\n x: folded",
    "Ärger 任务 👨‍👩‍👧",
    "a\u2028b\x85c",
    "",
    "%0d%0a",
]
INPUTS = {"tasks": "", "focus": "rent", "hour_of_day": 9}
SENT = {b"host", b"content-type", b"content-length", b"authorization", b"x-request-id"}


class Request:
    """What a server makes of the bytes of a request."""

    def __init__(self, data):
        self.headers, self.whole = [], 0
        httptools.HttpRequestParser(self).feed_data(data)

    def on_header(self, name, value):
        self.headers.append((name.lower(), value))

    def on_message_complete(self):
        self.whole += 1


def completion():
    body = orjson.dumps({"model": "small", "choices": [{"message": {"content": "Do it."}}]})
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def written(scripted, request_id):
    async with scripted([completion()]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")
        await LiteLlm(pool, "master", 20.0).complete(load_prompts()["v1"], INPUTS, request_id)
        pool.close()
    return [Request(head + body) for head, body in server.requests]


@pytest.mark.parametrize("request_id", INJECTIONS)
async def test_the_language_models_call_has_our_headers_and_no_others(scripted, request_id):
    (request,) = await written(scripted, request_id)

    assert Counter(name for name, _ in request.headers) == Counter(SENT)
    assert dict(request.headers)[b"x-request-id"] == header_value(request_id)
    assert request.whole == 1


@pytest.mark.parametrize("request_id", INJECTIONS)
async def test_the_predictors_call_has_our_headers_and_no_others(scripted, request_id):
    async with scripted([b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"]) as server:
        client = InferenceClient(ConnectionPool(f"http://127.0.0.1:{server.port}"), "m", 20.0, "c")
        with pytest.raises(Exception, match="status 500"):
            await client.predict(np.ones((1, 1), np.float32), "s", request_id, {b"authorization": b"Bearer x"})

    request = Request(b"".join(server.requests[0]))
    assert Counter(name for name, _ in request.headers) == Counter(SENT | {REQUEST_ID_HEADER, DEADLINE_HEADER})
    assert unquote(dict(request.headers)[REQUEST_ID_HEADER].decode()) == request_id


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters()))
def test_every_text_is_one_header_value_and_two_texts_stay_two(text):
    value = header_value(text)

    assert value.isascii()
    assert value.decode().isprintable()
    assert b" " not in value
    assert header_value(text + "\n") != value


@pytest.mark.parametrize(
    "header",
    [
        (b"x-request-id", b"a\r\nx: 1"),
        (b"x-request-id", b"a\nx: 1"),
        (b"x-request-id", b"a\rx: 1"),
        (b"x-request-id", b"a\x00"),
        (b"x: 1\r\ny", b"1"),
        (b"x y", b"1"),
        (b"", b"1"),
        (b"x:", b"1"),
    ],
)
async def test_what_is_no_header_is_never_sent(scripted, header):
    async with scripted() as server:
        with pytest.raises(ValueError, match="cannot be sent as a header"):
            await ConnectionPool(f"http://127.0.0.1:{server.port}").post("/x", b"{}", [header], 1.0)

    assert server.connections == 0


@pytest.mark.parametrize("path", ["/x HTTP/1.1\r\nx: 1\r\n", "/x y", "/\x00", "/ä"])
async def test_what_is_no_path_is_never_asked_for(scripted, path):
    async with scripted() as server:
        with pytest.raises(ValueError, match="cannot be asked for"):
            await ConnectionPool(f"http://127.0.0.1:{server.port}").post(path, b"{}", [], 1.0)

    assert server.connections == 0


def test_of_the_callers_headers_what_cannot_be_sent_on_is_left_out():
    headers = {b"x-request-id": b"a\x01", b"traceparent": b"00-1\r\nx: 1", b"authorization": "Bearer ä".encode()}

    assert forwarded_headers(headers, "r-1") == [(b"x-request-id", b"r-1"), (b"authorization", "Bearer ä".encode())]


@pytest.mark.parametrize("key", ["sk-1\n", "sk-1\r\nx: 1", "sk 1", "schlüssel", "sk\x00"])
def test_a_key_that_no_header_carries_is_refused_at_the_start_without_being_shown(key):
    with pytest.raises(ValidationError) as refused:
        TransformerSettings.read({"OO_TRANSFORMER_LLM_KEY": key})

    assert "what a header cannot carry" in refused.value.errors()[0]["msg"]
    assert key.strip() not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize("route", ["/score", "/generate"])
@pytest.mark.parametrize("request_id", ["a\r\nx-litellm-num-retries: 9", "a\nb", "a\x00", "\u202ea"])
async def test_the_edge_refuses_such_an_id_before_anybody_is_called(fakes, route, request_id):
    reply = await fakes.post(route, {"user_id": "u-1", "request_id": request_id, "tasks": [{"id": "t-1"}]})

    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "/request_id")
    assert (fakes.predictor.calls, fakes.outbox.events) == ([], [])


async def test_a_call_at_once_with_many_ids_mixes_none_of_them_up(scripted):
    ids = [f"{place}\r\nx: {place}" for place in range(20)]
    requests = await asyncio.gather(*(written(scripted, request_id) for request_id in ids))

    assert [dict(request.headers)[b"x-request-id"] for (request,) in requests] == [header_value(name) for name in ids]
