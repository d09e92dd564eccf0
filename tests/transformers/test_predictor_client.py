"""Rows go as bytes to predictors that read them, as JSON to all others, and no call is lost between the two."""

from __future__ import annotations

import asyncio
import contextlib
import json
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest
from http_server import serving
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oo_serving.connection_pool import ConnectionPool
from oo_serving.upstream_connection import UpstreamResponse
from oo_transformers.degradation import PredictorUnavailable, PredictorUnreachable
from oo_transformers.predictor_client import InferenceClient
from oo_transformers.predictor_messages import read_predictions
from oo_transformers.tensor_form import JSON_PERIOD_S, TensorForm

LENGTH = "inference-header-content-length"
ROWS = np.array([[0.1, 2.0], [3.0, -4.5]], np.float32)
ORIGIN = {"feature_set": "f@1", "columns": "c"}


def reply_to(request, values, *, binary):
    """(headers, body) of a predictor's answer."""
    given_origin = {name: request["parameters"][name] for name in ORIGIN}
    answer = {"model_name": "m", "model_version": "3", "parameters": given_origin}
    output = {"name": "values", "shape": [len(values)], "datatype": "FP32"}
    if not binary:
        return {}, json.dumps(answer | {"outputs": [output | {"data": values.tolist()}]}).encode()
    raw = values.astype("<f4").tobytes()
    text = json.dumps(answer | {"outputs": [output | {"parameters": {"binary_data_size": len(raw)}}]}).encode()
    return {LENGTH: str(len(text))}, text + raw


class Predictor(BaseHTTPRequestHandler):
    """A predictor of this release, or of an earlier one: the server's `turns` say which answers the n-th request.

    Its values are the sums of the rows, so that they tell whether it understood them.
    """

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together, and no acknowledgement is waited for in between

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        length = int(self.headers.get(LENGTH, len(body)))
        server = self.server
        release = server.turns[len(server.asked) % len(server.turns)]
        server.asked.append("json" if length == len(body) else "bytes")
        if length < len(body) and release != "new":
            self.answer(server.refusal, {}, b"{}")
            return
        request = json.loads(body[:length])
        (tensor,) = request["inputs"]
        flat = np.array(tensor["data"]) if length == len(body) else np.frombuffer(body[length:], "<f4")
        wants = request["parameters"].get("binary_data_output", False)
        sums = flat.reshape(tensor["shape"]).sum(axis=1).astype(np.float32)
        self.answer(200, *reply_to(request, sums, binary=wants and release == "new"))

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class World:
    """A client and the predictors behind its address; `now` is the clock by which it remembers."""

    def __init__(self, server):
        self.server, self.now = server, 0.0
        self.form = TensorForm(lambda: self.now)
        pool = ConnectionPool(f"http://127.0.0.1:{server.server_port}")
        self.client = InferenceClient(pool, "m", 20.0, "c", form=self.form)

    async def values(self):
        return (await self.client.predict(ROWS, "f@1", "r-1", {})).values

    async def calls(self, count):
        """What came to the predictors during so many calls, each of which got its values."""
        before = len(self.server.asked)
        for _ in range(count):
            assert await self.values() == tuple(ROWS.sum(axis=1).tolist())
        return self.server.asked[before:]


@pytest.fixture
async def world():
    """Start predictors of these releases, which take turns; a `refusal` is what earlier ones say to bytes."""
    worlds = []

    def start(*turns, refusal=415):
        world = World(running.enter_context(serving(Predictor, turns=turns, refusal=refusal, asked=[])))
        worlds.append(world)
        return world

    with contextlib.ExitStack() as running:
        yield start
        for world in worlds:
            world.client.pool.close()
        await asyncio.sleep(0)  # closed connections are let go


async def test_after_one_answer_in_bytes_rows_go_as_bytes(world):
    assert await world("new").calls(4) == ["json", "bytes", "bytes", "bytes"]


async def test_a_predictor_of_an_earlier_release_is_never_sent_bytes(world):
    assert await world("old").calls(5) == ["json"] * 5


@pytest.mark.parametrize("refusal", [400, 415, 422])
async def test_a_refusal_of_bytes_is_followed_by_json_in_the_same_call(world, refusal):
    predictors = world("new", "new", "old", "old", refusal=refusal)

    assert await predictors.calls(3) == ["json", "bytes", "bytes", "json"]


async def test_after_a_refusal_json_is_sent_for_a_while_even_if_new_ones_answer(world):
    predictors = world("new", "old", "new")
    assert await predictors.calls(2) == ["json", "bytes", "json"]

    predictors.now = JSON_PERIOD_S - 1
    assert set(await predictors.calls(3)) == {"json"}

    predictors.server.turns = ("new",)
    predictors.now = 3 * JSON_PERIOD_S
    assert await predictors.calls(3) == ["json", "bytes", "bytes"]


async def test_old_and_new_in_turn_cost_hardly_a_call_twice(world):
    predictors = world("new", "old")
    asked = []
    for second in range(200):
        predictors.now = float(second)
        asked += await predictors.calls(1)

    assert len(asked) <= 200 + 200 / JSON_PERIOD_S + 1
    assert asked.count("bytes") == len(asked) - 200


class RefusingPool:
    """Connections to a predictor that takes a moment to refuse bytes, and then does not answer in time."""

    def __init__(self):
        self.deadlines = []

    async def call(self, method, path, body, headers, deadline):
        self.deadlines.append(deadline)
        await asyncio.sleep(0.05)
        if len(self.deadlines) == 1:
            return UpstreamResponse(415, b"")
        raise TimeoutError


async def test_both_tries_share_one_deadline():
    pool = RefusingPool()
    client = InferenceClient(pool, "m", 2.0, "c", form=TensorForm(is_binary=True))

    with pytest.raises(PredictorUnreachable):
        await client.predict(ROWS, "f@1", "r-1", {})

    assert len(pool.deadlines) == 2
    assert pool.deadlines[1] < pool.deadlines[0] == 2.0


async def test_a_predictor_that_refuses_both_forms_is_unavailable(scripted):
    refusal = b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n"
    async with scripted([refusal], [refusal]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")
        client = InferenceClient(pool, "m", 20.0, "c", form=TensorForm(is_binary=True))
        with pytest.raises(PredictorUnavailable, match="status 422"):
            await client.predict(ROWS, "f@1", "r-1", {})
        pool.close()

    assert [LENGTH.encode() in head for head, _ in server.requests] == [True, False]
    assert not client.form.is_binary


@given(arrays(np.float32, st.integers(1, 30), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_values_have_the_same_bits_in_both_forms(values):
    request = {"parameters": ORIGIN}
    answers = [reply_to(request, values, binary=binary) for binary in (False, True)]
    responses = [
        UpstreamResponse(200, body, {name.encode(): value.encode() for name, value in headers.items()})
        for headers, body in answers
    ]

    as_json, as_bytes = (read_predictions(response, len(values), ORIGIN) for response in responses)

    assert np.array(as_json.values).tobytes() == np.array(as_bytes.values).tobytes() == values.astype(float).tobytes()
    assert as_json.model == as_bytes.model


def binary_reply(raw, *, length=None, **output):
    text = json.dumps(
        {
            "model_name": "m",
            "model_version": "3",
            "parameters": ORIGIN,
            "outputs": [{"name": "values", "datatype": "FP32", "parameters": {"binary_data_size": len(raw)}} | output],
        }
    ).encode()
    said = str(len(text)).encode() if length is None else length
    return UpstreamResponse(200, text + raw, {LENGTH.encode(): said})


TWO = np.array([0.25, 0.5], "<f4").tobytes()
MALFORMED = {
    "a negative length": binary_reply(TWO, length=b"-1"),
    "a length beyond the body": binary_reply(TWO, length=b"100000"),
    "a length that is no number": binary_reply(TWO, length=b"x"),
    "a length within the JSON": binary_reply(TWO, length=b"9"),
    "more bytes said than there are": binary_reply(TWO, parameters={"binary_data_size": 12}),
    "fewer bytes than rows": binary_reply(TWO[:4]),
    "more values than rows": binary_reply(TWO * 2),
    "half a number": binary_reply(TWO[:-1]),
    "a negative size": binary_reply(TWO, parameters={"binary_data_size": -8}),
    "a size that is text": binary_reply(TWO, parameters={"binary_data_size": "8"}),
    "no size": binary_reply(TWO, parameters={}),
    "another datatype": binary_reply(TWO, datatype="INT32"),
    "no datatype": binary_reply(TWO, datatype=["FP32"]),
    "not finite": binary_reply(np.array([0.5, np.nan], "<f4").tobytes()),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_reply_of_bytes_that_do_not_fit_is_none(name):
    with pytest.raises(PredictorUnavailable):
        read_predictions(MALFORMED[name], 2, ORIGIN)


def test_a_reply_may_have_doubles_and_further_outputs():
    raw = np.array([0.1, 0.2], "<f8").tobytes()
    reply = binary_reply(raw + b"more", datatype="FP64", parameters={"binary_data_size": len(raw)})

    assert read_predictions(reply, 2, ORIGIN).values == (0.1, 0.2)
