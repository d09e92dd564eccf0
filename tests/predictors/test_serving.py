"""A real predictor: V1, V2 and gRPC give the same values, and bad calls get problems."""

from __future__ import annotations

import asyncio
import signal

import grpc
import numpy as np
import pytest
from example_models import FEATURE_SET, FEATURES, fitted, rows
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
from oo_contracts.wire import columns_digest
from oo_model_cards import artifact

INFER, PREDICT = "/v2/models/tip-ranker/infer", "/v1/models/tip-ranker:predict"
pytestmark = pytest.mark.real


def asked(given, **other):
    tensor = {"name": "rows", "shape": list(given.shape), "datatype": "FP32", "data": given.ravel().tolist()}
    return {"id": "r-1", "parameters": {"feature_set": FEATURE_SET}, "inputs": [tensor | other]}


def by_grpc(port, given, feature_set=FEATURE_SET):
    """(values, version), or the status code."""

    async def call():
        tensor = pb.ModelInferRequest.InferInputTensor(name="rows", datatype="FP32", shape=given.shape)
        tensor.contents.fp32_contents.extend(given.ravel().tolist())
        request = pb.ModelInferRequest(model_name="tip-ranker", id="g-1", inputs=[tensor])
        request.parameters["feature_set"].string_param = feature_set
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            try:
                reply = await GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=10)
            except grpc.aio.AioRpcError as error:
                return error.code(), error.details()
            return list(reply.outputs[0].contents.fp32_contents), reply.model_version

    return asyncio.run(call())


def test_v2_answers_as_the_protocol_says(predictor, model_dir):
    status, _, reply = predictor.ask(INFER, asked(rows(3)))

    assert status == 200
    assert (reply["model_name"], reply["model_version"], reply["id"]) == (
        "tip-ranker",
        artifact.digest(model_dir)[:12],
        "r-1",
    )
    assert reply["parameters"] == {"feature_set": FEATURE_SET, "columns": columns_digest(FEATURES), "role": "live"}
    assert [(out["name"], out["shape"], out["datatype"]) for out in reply["outputs"]] == [("values", [3], "FP32")]


def test_the_served_values_are_those_of_sklearn_over_every_protocol(predictor):
    given = rows(200, seed=5)
    wanted = fitted().predict_proba(given)[:, 1]

    v2 = predictor.ask(INFER, asked(given))[2]["outputs"][0]["data"]
    nested = predictor.ask(INFER, asked(given, data=given.tolist()))[2]["outputs"][0]["data"]
    v1 = predictor.ask(PREDICT, {"instances": given.tolist()})[2]["predictions"]
    remote, _ = by_grpc(predictor.grpc_port, given)

    assert np.abs(np.array(v2) - wanted).max() < 1e-6
    assert v1 == v2 == nested == remote


def test_every_protocol_names_the_version(predictor, model_dir):
    version = artifact.digest(model_dir)[:12]

    replies = [predictor.ask(INFER, asked(rows(1)))[2], predictor.ask(PREDICT, {"instances": rows(1).tolist()})[2]]

    assert [reply["model_version"] for reply in replies] == [version, version]
    assert by_grpc(predictor.grpc_port, rows(1))[1] == version


def test_the_metadata_shows_what_pins_the_model(predictor, model_dir):
    status, _, reply = predictor.ask("/v2/models/tip-ranker")

    assert status == 200
    assert reply["properties"]["digest"] == artifact.digest(model_dir)
    assert reply["properties"]["feature_set"] == FEATURE_SET
    assert tuple(reply["properties"]["features"]) == FEATURES
    assert reply["inputs"] == [{"name": "rows", "datatype": "FP32", "shape": [-1, len(FEATURES)]}]


@pytest.mark.parametrize(
    "path", ["/healthz/live", "/healthz/ready", "/v2/health/live", "/v2/health/ready", "/v1/models/tip-ranker"]
)
def test_it_is_alive_and_ready(predictor, path):
    assert predictor.ask(path)[0] == 200


def test_rows_of_another_feature_set_are_a_conflict(predictor):
    body = asked(rows(1)) | {"parameters": {"feature_set": "ranker-v1@ffffffffffffffff"}}

    status, headers, reply = predictor.ask(INFER, body)

    assert (status, headers["content-type"]) == (409, "application/problem+json")
    assert reply["errors"][0]["pointer"] == "/parameters/feature_set"


def test_columns_in_another_order_are_a_conflict(predictor):
    body = asked(rows(1)) | {"parameters": {"feature_set": FEATURE_SET, "columns": columns_digest(FEATURES[::-1])}}

    status, _, reply = predictor.ask(INFER, body)

    assert (status, reply["errors"][0]["pointer"]) == (409, "/parameters/columns")


def test_rows_of_another_feature_set_are_refused_over_grpc_too(predictor):
    status, details = by_grpc(predictor.grpc_port, rows(1), "ranker-v1@ffffffffffffffff")

    assert status == grpc.StatusCode.INVALID_ARGUMENT
    assert FEATURE_SET in details


@pytest.mark.parametrize("given", [rows(2)[:, :5], np.full((1, 6), np.nan), np.full((1, 6), np.inf), rows(1_001)])
def test_bad_rows_are_an_invalid_argument_over_grpc(predictor, given):
    assert by_grpc(predictor.grpc_port, given)[0] == grpc.StatusCode.INVALID_ARGUMENT


ONE = rows(1)
BAD = {
    "not json": (b"{", 400, None),
    "empty": (b"", 400, None),
    "binary": (b"\xff\xfe\x00", 400, None),
    "nan": (b'{"inputs":[{"shape":[1,6],"datatype":"FP32","data":[NaN,0,0,0,0,0]}]}', 400, None),
    "1e400": (b'{"inputs":[{"shape":[1,6],"datatype":"FP32","data":[1e400,0,0,0,0,0]}]}', 400, None),
    "deep": (b"[" * 40_000, 400, None),
    "deeper": (b"[" * 100_000, 413, None),
    "a list": (b"[]", 422, ""),
    "a number": (b"3", 422, ""),
    "no inputs": ({}, 422, "/inputs"),
    "two inputs": ({"inputs": [{}, {}]}, 422, "/inputs"),
    "inputs no list": ({"inputs": {"0": {}}}, 422, "/inputs"),
    "input no object": ({"inputs": [3]}, 422, "/inputs"),
    "another datatype": (asked(ONE, datatype="BYTES"), 422, "/inputs/0/datatype"),
    "a datatype that is no text": (asked(ONE, datatype=["FP32"]), 422, "/inputs/0/datatype"),
    "shape no list": (asked(ONE, shape="1,6"), 422, "/inputs/0/shape"),
    "shape of one": (asked(ONE, shape=[6]), 422, "/inputs/0/shape"),
    "shape of floats": (asked(ONE, shape=[1.0, 6.0]), 422, "/inputs/0/shape"),
    "shape of booleans": (asked(ONE, shape=[True, 6]), 422, "/inputs/0/shape"),
    "another width": (asked(rows(1)[:, :5]), 422, "/inputs/0/shape"),
    "no rows": (asked(rows(0)), 422, "/inputs/0/data"),
    "negative rows": (asked(ONE, shape=[-1, 6]), 422, "/inputs/0/data"),
    "too many rows": (asked(rows(1_001)), 422, "/inputs/0/data"),
    "too few numbers": (asked(ONE, data=[0.0] * 5), 422, "/inputs/0/data"),
    "a text": (asked(ONE, data=["1"] * 6), 422, "/inputs/0/data"),
    "a boolean": (asked(ONE, data=[True] * 6), 422, "/inputs/0/data"),
    "a null": (asked(ONE, data=[None] * 6), 422, "/inputs/0/data"),
    "no data": (asked(ONE, data=None), 422, "/inputs/0/data"),
    "an object": (asked(ONE, data=[{}] * 6), 422, "/inputs/0/data"),
    "beyond float32": (asked(ONE, data=[1e39] * 6), 422, "/inputs/0/data"),
    "ragged": (asked(rows(2), data=[[0.0] * 6, [0.0] * 5]), 422, "/inputs/0/data"),
    "half nested": (asked(rows(2), data=[[0.0] * 6, 0.0]), 422, "/inputs/0/data"),
    "twice nested": (asked(ONE, data=[[[0.0]] * 6]), 422, "/inputs/0/data"),
    "an id that is no text": (asked(ONE) | {"id": 3}, 422, "/id"),
    "a long id": (asked(ONE) | {"id": "x" * 129}, 422, "/id"),
    "an id of two lines": (asked(ONE) | {"id": "a\r\nb"}, 422, "/id"),
    "an id with NUL": (asked(ONE) | {"id": "a\x00"}, 422, "/id"),
    "inputs of 1e400": (b'{"inputs":1e400}', 400, None),
    "half a character": (b'{"inputs":"\\ud800"}', 400, None),
    "parameters no object": (asked(ONE) | {"parameters": []}, 422, "/parameters"),
    "a feature set no text": (asked(ONE) | {"parameters": {"feature_set": 1}}, 422, "/parameters/feature_set"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_call_gets_a_problem_that_points_at_the_field(predictor, case):
    body, wanted, pointer = BAD[case]

    status, headers, reply = predictor.ask(INFER, body)

    assert (status, headers["content-type"]) == (wanted, "application/problem+json")
    assert [error["pointer"] for error in reply["errors"]] == ([] if pointer is None else [pointer])
    assert "Traceback" not in str(reply)


@pytest.mark.parametrize("instances", [None, 3, {}, [3], [[0.0]], [[0.0] * 6, [0.0]], [["x"] * 6], []])
def test_bad_instances_get_a_problem_that_points_at_them(predictor, instances):
    status, headers, reply = predictor.ask(PREDICT, {"instances": instances})

    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert reply["errors"][0]["pointer"] == "/instances"


def test_a_body_over_the_limit_is_too_large(predictor):
    assert predictor.ask(INFER, b"[" + b"0," * 1_500_000 + b"0]")[0] == 413


def test_another_content_type_is_refused(predictor):
    assert predictor.ask(INFER, b"{}", content_type="text/plain")[0] == 415


def test_a_call_without_a_feature_set_is_answered_and_gets_an_id(predictor):
    body = {"inputs": asked(ONE)["inputs"]}

    status, _, reply = predictor.ask(INFER, body, x_request_id="from-the-header")

    assert (status, reply["id"]) == (200, "from-the-header")


def test_a_signal_ends_it_cleanly(start, model_dir):
    served = start("--model_dir", model_dir).ready()

    assert served.stop(signal.SIGTERM) == 0
    assert "Traceback" not in served.errors
