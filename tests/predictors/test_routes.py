"""What may be called of a real predictor is a list, over HTTP and gRPC; each refusal is one line in its log."""

from __future__ import annotations

import asyncio
import re
import signal

import grpc
import pytest
from example_models import rows
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

INFER, PREDICT = "/v2/models/tip-ranker/infer", "/v1/models/tip-ranker:predict"
pytestmark = pytest.mark.real


def by_grpc(port, method, request):
    """The reply, or the status code."""

    async def call():
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            try:
                return await getattr(GRPCInferenceServiceStub(channel), method)(request, timeout=10)
            except grpc.aio.AioRpcError as error:
                return error.code()

    return asyncio.run(call())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/repository/models/tip-ranker/unload", {}),
        ("/v2/repository/models/tip-ranker/load", {}),
        ("/v2/repository/index", {}),
        ("/v1/models/tip-ranker:explain", {"instances": []}),
        ("/v1/models/other:predict", {"instances": []}),
        ("/v2/models/tip-ranker/versions/9/infer", {}),
        ("/v2/models/tip-ranker/versions/9", None),
        ("/v2/models/tip-ranker/versions/9/ready", None),
        ("/v2/models/other/ready", None),
        ("/docs", None),
        ("/openapi.json", None),
        ("/", None),
    ],
)
def test_what_is_not_listed_is_not_there(predictor, path, body):
    status, headers, _ = predictor.ask(path, body)

    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert predictor.ask("/v2/models/tip-ranker/ready")[0] == 200


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/tip-ranker", "/v2", "/v2/models", "/v2/models/tip-ranker/ready"]
)
def test_what_only_tells_something_is_still_there(predictor, path):
    assert predictor.ask(path)[0] == 200


def test_it_does_not_claim_that_models_can_be_loaded(predictor):
    assert predictor.ask("/v2")[2]["extensions"] == ["binary_tensor_data"]
    by_grpc_too = by_grpc(predictor.grpc_port, "ServerMetadata", pb.ServerMetadataRequest())
    assert list(by_grpc_too.extensions) == ["binary_tensor_data"]


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("RepositoryModelUnload", pb.RepositoryModelUnloadRequest(model_name="tip-ranker")),
        ("RepositoryModelLoad", pb.RepositoryModelLoadRequest(model_name="tip-ranker")),
    ],
)
def test_nobody_loads_or_unloads_the_model_over_grpc(predictor, method, request_):
    assert by_grpc(predictor.grpc_port, method, request_) == grpc.StatusCode.UNIMPLEMENTED
    assert by_grpc(predictor.grpc_port, "ModelReady", pb.ModelReadyRequest(name="tip-ranker")).ready


@pytest.mark.parametrize("path", [INFER, PREDICT])
@pytest.mark.parametrize("length", ["999", "-1", "many", "", "1e1", "9" * 5_000])
def test_a_wrong_length_of_the_json_is_the_callers_error(predictor, path, length):
    status, headers, _ = predictor.ask(path, {"inputs": []}, inference_header_content_length=length)

    assert (status, headers["content-type"]) == (400, "application/problem+json")


def test_a_name_that_a_header_cannot_be_is_not_taken_from_it(predictor):
    body = {"inputs": [{"name": "rows", "shape": [1, 6], "datatype": "FP32", "data": rows(1).ravel().tolist()}]}

    status, _, reply = predictor.ask(INFER, body, x_request_id="x" * 129)

    assert (status, len(reply["id"])) == (200, 36)


def tensor(datatype="FP32", shape=(1, 6), contents=None, raw=None):
    """A call for predictions of one tensor."""
    given = pb.ModelInferRequest.InferInputTensor(name="rows", datatype=datatype, shape=shape)
    if contents is not None:
        given.contents.fp32_contents.extend(contents)
    request = pb.ModelInferRequest(model_name="tip-ranker", inputs=[given])
    if raw is not None:
        request.raw_input_contents.append(raw)
    return request


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(pb.ModelInferRequest(model_name="tip-ranker"), id="no inputs"),
        pytest.param(tensor("NONSENSE", contents=[0.0] * 6), id="no datatype"),
        pytest.param(tensor("", contents=[0.0] * 6), id="an empty datatype"),
        pytest.param(tensor("BYTES", contents=[0.0] * 6), id="bytes"),
        pytest.param(tensor("FP16", raw=b"\x00" * 12), id="halves"),
        pytest.param(tensor(shape=(-1, 6), contents=[0.0] * 6), id="a negative shape"),
        pytest.param(tensor(shape=(2**40, 6), contents=[0.0] * 6), id="a shape of terabytes"),
        pytest.param(tensor(shape=(), contents=[0.0] * 6), id="no shape"),
        pytest.param(tensor(contents=[0.0]), id="too few"),
        pytest.param(tensor(raw=b"\x00"), id="raw and too short"),
        pytest.param(tensor(contents=[0.0] * 6, raw=b"\x00" * 24), id="raw and not"),
        pytest.param(tensor("BYTES", shape=(1,), raw=b"\xff\xff\xff\xff"), id="a length that lies"),
        pytest.param(tensor(contents=[float("nan")] * 6), id="no number"),
    ],
)
def test_a_hostile_tensor_is_an_invalid_argument(predictor, request_):
    assert by_grpc(predictor.grpc_port, "ModelInfer", request_) == grpc.StatusCode.INVALID_ARGUMENT


HOSTILE = [
    (INFER, b'{"inputs":1e400}'),
    (INFER, b'{"inputs":"\\ud800"}'),
    (PREDICT, b'{"instances":"\\ud800"}'),
    (PREDICT, b'{"instances":[[1e400]]}'),
    ("/v1/models/tip-ranker:explain", b"{}"),
    ("/v2/models/tip-ranker/versions/1/infer", b"{}"),
    ("/%0A2026-11-23%20ERROR%20forged%0D%1B[2K%00", b"{}"),
]


def test_a_hostile_call_is_one_line_in_the_log_and_no_traceback(start, model_dir):
    served = start("--model_dir", model_dir).ready()
    for path, body in HOSTILE:
        assert 400 <= served.ask(path, body)[0] < 500
    for name in ("other", "tip-ranker"):
        request = pb.ModelInferRequest(model_name=name, id="a\nb")
        assert by_grpc(served.grpc_port, "ModelInfer", request) in {
            grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.INVALID_ARGUMENT,
        }
    assert by_grpc(served.grpc_port, "ModelReady", pb.ModelReadyRequest(name="x")) == grpc.StatusCode.NOT_FOUND

    served.stop(signal.SIGTERM)

    lines = [line for line in served.errors.splitlines() if "NATS at" not in line and "listening" not in line]
    assert len(lines) == len(HOSTILE) + 3, served.errors
    assert all(re.match(r"\d{4}-\d\d-\d\d [\d:,]+ INFO oo_serving\.", line) for line in lines), served.errors
    assert r"POST /\n2026-11-23 ERROR forged\r\x1b[2K\x00: 404" in served.errors
