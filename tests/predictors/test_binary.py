"""Raw tensors after the JSON, at a real predictor: the same bits as JSON, and problems for what does not fit."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request

import numpy as np
import pytest
from example_models import FEATURE_SET, rows
from kserve import InferInput, InferRequest, InferResponse

INFER, PREDICT = "/v2/models/tip-ranker/infer", "/v1/models/tip-ranker:predict"
LENGTH = "inference-header-content-length"
OCTETS = "application/octet-stream"
pytestmark = pytest.mark.real


def send(predictor, body, path=INFER, **headers):
    """(status, headers, bytes)."""
    sent = {"content-type": OCTETS} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{predictor.port}{path}", body, sent)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  # ours
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def call(given, *, binary, binary_output, datatype="FP32"):
    """(body, length of its JSON)."""
    tensor = {"name": "rows", "shape": list(given.shape), "datatype": datatype}
    raw = given.astype({"FP32": "<f4", "FP64": "<f8"}[datatype]).tobytes() if binary else b""
    numbers = {"parameters": {"binary_data_size": len(raw)}} if binary else {"data": given.ravel().tolist()}
    parameters = {"feature_set": FEATURE_SET, "binary_data_output": binary_output}
    text = json.dumps({"id": "r-1", "parameters": parameters, "inputs": [tensor | numbers]}).encode()
    return text + raw, len(text)


def values_of(headers, body):
    """The values of a reply in either form, and its JSON."""
    length = int(headers.get(LENGTH, len(body)))
    reply = json.loads(body[:length])
    (output,) = reply["outputs"]
    if "data" in output:
        assert (headers["content-type"], length) == ("application/json", len(body))
        return output["data"], reply
    assert headers["content-type"] == OCTETS
    assert output.pop("parameters") == {"binary_data_size": len(body) - length}
    return np.frombuffer(body[length:], "<f4").tolist(), reply


@pytest.mark.parametrize("count", [1, 10, 300])
def test_every_form_of_a_call_and_of_its_reply_has_the_same_bits(predictor, count):
    given, found, replies = rows(count, seed=count), [], []
    for binary in (False, True):
        for binary_output in (False, True):
            body, length = call(given, binary=binary, binary_output=binary_output)
            status, headers, reply = send(predictor, body, inference_header_content_length=str(length))
            assert (status, LENGTH in headers) == (200, binary_output)
            values, text = values_of(headers, reply)
            found.append(values)
            text["outputs"][0].pop("data", None)
            replies.append(text)

    assert all(values == found[0] for values in found)
    assert len(found[0]) == count
    assert all(text == replies[0] for text in replies)


def test_doubles_as_bytes_are_the_values_of_their_float32(predictor):
    given = rows(3).astype(np.float64)
    body, length = call(given, binary=True, binary_output=True, datatype="FP64")
    single, single_length = call(rows(3), binary=True, binary_output=True)

    double_reply = send(predictor, body, inference_header_content_length=str(length))
    single_reply = send(predictor, single, inference_header_content_length=str(single_length))

    assert values_of(*double_reply[1:])[0] == values_of(*single_reply[1:])[0]


def test_kserves_own_client_is_understood(predictor):
    """Bytes as KServe's Python SDK writes and reads them."""
    given = InferInput(name="rows", shape=[4, 6], datatype="FP32")
    given.set_data_from_numpy(rows(4), binary_data=True)
    body, length = InferRequest("tip-ranker", [given], parameters={"binary_data_output": True}).to_rest()

    status, headers, reply = send(predictor, body, inference_header_content_length=str(length))
    found = InferResponse.from_bytes(reply, int(headers[LENGTH]))

    as_json, _ = call(rows(4), binary=False, binary_output=False)
    assert status == 200
    assert found.outputs[0].data == values_of(*send(predictor, as_json, content_type="application/json")[1:])[0]


def test_a_packed_body_counts_its_json_unpacked(predictor):
    body, length = call(rows(5), binary=True, binary_output=False)

    status, headers, reply = send(
        predictor, gzip.compress(body), content_encoding="gzip", inference_header_content_length=str(length)
    )

    assert (status, len(values_of(headers, reply)[0])) == (200, 5)


BODY, JSON_LENGTH = call(rows(2), binary=True, binary_output=True)
BAD = {
    "shorter JSON": (str(JSON_LENGTH - 1), 400, None),
    "longer JSON": (str(JSON_LENGTH + 1), 400, None),
    "no JSON": ("0", 400, None),
    "all JSON": (str(len(BODY)), 400, None),
    "more than there is": (str(len(BODY) + 1), 400, None),
    "negative": ("-1", 400, None),
    "no number": ("1e2", 400, None),
    "empty": ("", 400, None),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_length_of_the_json_is_a_problem(predictor, case):
    length, wanted, _ = BAD[case]

    status, headers, _ = send(predictor, BODY, inference_header_content_length=length)

    assert (status, headers["content-type"]) == (wanted, "application/problem+json")


def test_bytes_that_do_not_fit_are_a_problem_in_json_that_points_at_the_field(predictor):
    status, headers, reply = send(predictor, BODY[:-4], inference_header_content_length=str(JSON_LENGTH))

    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert json.loads(reply)["errors"][0]["pointer"] == "/inputs/0/parameters/binary_data_size"


def test_another_feature_set_is_a_conflict_in_json(predictor):
    body = BODY.replace(b"0123456789abcdef", b"ffffffffffffffff")

    status, headers, _ = send(predictor, body, inference_header_content_length=str(JSON_LENGTH))

    assert (status, headers["content-type"]) == (409, "application/problem+json")


def test_bytes_without_a_length_are_no_json(predictor):
    assert send(predictor, BODY)[0] == 415


def test_v1_takes_no_bytes(predictor):
    assert send(predictor, BODY, PREDICT, inference_header_content_length=str(JSON_LENGTH))[0] == 415


def test_a_body_over_the_limit_is_too_large(predictor):
    body = BODY + b"\0" * (3 << 20)

    assert send(predictor, body, inference_header_content_length=str(JSON_LENGTH))[0] == 413
