"""Rows as numbers in the JSON and as bytes after it are the same rows, and bytes that do not fit are named."""

from __future__ import annotations

import json
import math

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oo_predictors.inference_request import InvalidField, ModelShape
from oo_predictors.v2_request import read_v2
from oo_transformers.predictor_messages import InferenceCall

WIDTH = 3
SHAPE = ModelShape(WIDTH, 50)
ORIGIN = {"feature_set": "f@1", "columns": "c"}
SIZE = "/inputs/0/parameters/binary_data_size"

counts = st.integers(1, 8)
singles = counts.flatmap(
    lambda count: arrays(
        np.float32, (count, WIDTH), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
    )
)
doubles = counts.flatmap(lambda count: arrays(np.float64, (count, WIDTH), elements=st.floats(-3e38, 3e38)))


def bits(rows):
    return rows.shape, rows.dtype, rows.tobytes()


def head(count, tensors, **other):
    tensor = {"name": "rows", "shape": [count, WIDTH], "datatype": "FP32"}
    return {"inputs": [tensor | {"parameters": {"binary_data_size": len(tensors)}} | other]}


def read(payload, tensors):
    return read_v2(json.dumps(payload).encode(), SHAPE, tensors)


@given(singles)
def test_a_call_reads_the_same_in_both_forms(rows):
    call = InferenceCall(rows, ORIGIN, "r-1")
    body, length = call.with_tensors()

    as_json, as_bytes = read_v2(call.json(), SHAPE), read_v2(body[:length], SHAPE, body[length:])

    assert bits(as_json.rows) == bits(as_bytes.rows) == bits(rows)
    for request in (as_json, as_bytes):
        assert (request.id, request.feature_set, request.columns) == ("r-1", "f@1", "c")
        assert request.binary_output


@given(doubles)
def test_doubles_are_rounded_alike_in_both_forms(rows):
    tensors = rows.astype("<f8").tobytes()
    flat = {"datatype": "FP64", "parameters": {}, "data": rows.ravel().tolist()}

    as_bytes = read(head(len(rows), tensors, datatype="FP64"), tensors)
    as_json = read_v2(orjson.dumps(head(len(rows), b"", **flat)), SHAPE)

    assert bits(as_bytes.rows) == bits(as_json.rows)


ONE = np.ones((1, WIDTH), "<f4").tobytes()
WRONG = {
    "too few bytes": (head(1, ONE[:-4]), ONE[:-4], SIZE),
    "too many bytes": (head(1, ONE * 2), ONE * 2, SIZE),
    "no whole number of numbers": (head(1, ONE[:-1]), ONE[:-1], SIZE),
    "more bytes than said": (head(1, ONE), ONE + b"x", SIZE),
    "fewer bytes than said": (head(1, ONE), ONE[:-1], SIZE),
    "a negative size": (head(1, ONE, parameters={"binary_data_size": -12}), ONE, SIZE),
    "a size that is text": (head(1, ONE, parameters={"binary_data_size": "12"}), ONE, SIZE),
    "a size that is a float": (head(1, ONE, parameters={"binary_data_size": 12.0}), ONE, SIZE),
    "a size that is true": (head(1, b"x", parameters={"binary_data_size": True}), b"x", SIZE),
    "no size": (head(1, ONE, parameters={}), ONE, SIZE),
    "a size and no bytes": (head(1, ONE), b"", SIZE),
    "a size of nothing": (head(1, b""), b"", SIZE),
    "a float64's bytes as float32": (head(1, ONE * 2), ONE * 2, SIZE),
    "a float32's bytes as float64": (head(1, ONE, datatype="FP64"), ONE, SIZE),
    "numbers twice": (head(1, ONE, data=[1, 1, 1]), ONE, "/inputs/0/data"),
    "parameters no object": (head(1, ONE, parameters=[1]), ONE, "/inputs/0/parameters"),
    "no rows": (head(0, b""), b"", "/inputs/0/shape"),
    "negative rows": (head(-1, ONE), ONE, "/inputs/0/shape"),
    "too many rows": (head(51, ONE * 51), ONE * 51, "/inputs/0/shape"),
    "another width": (head(1, ONE, shape=[3, 1]), ONE, "/inputs/0/shape"),
    "another datatype": (head(1, ONE, datatype="INT32"), ONE, "/inputs/0/datatype"),
    "an output's choice no truth": (
        head(1, ONE) | {"parameters": {"binary_data_output": "yes"}}, ONE, "/parameters/binary_data_output",
    ),
    "one output's choice no truth": (
        head(1, ONE) | {"outputs": [{"name": "values", "parameters": {"binary_data": 1}}]}, ONE,
        "/outputs/0/parameters/binary_data",
    ),
    "an output's parameters no object": (
        head(1, ONE) | {"outputs": [{"name": "values", "parameters": 3}]}, ONE, "/outputs/0/parameters",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_bytes_that_do_not_fit_are_a_field_by_name(name):
    payload, tensors, pointer = WRONG[name]

    with pytest.raises(InvalidField) as refused:
        read(payload, tensors)

    assert refused.value.pointer == pointer


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("datatype", "dtype"), [("FP32", "<f4"), ("FP64", "<f8")])
def test_a_number_that_is_not_finite_is_refused(number, datatype, dtype):
    tensors = np.array([[0, number, 0]], dtype).tobytes()

    with pytest.raises(InvalidField) as refused:
        read(head(1, tensors, datatype=datatype), tensors)

    assert refused.value.pointer == "/inputs/0"


def test_a_double_beyond_float32_is_refused():
    tensors = np.array([[0, 1e39, 0]], "<f8").tobytes()

    with pytest.raises(InvalidField, match="finite as a float32"):
        read(head(1, tensors, datatype="FP64"), tensors)


VALUES = {"name": "values"}


@pytest.mark.parametrize(
    ("asked", "binary"),
    [
        ({}, False),
        ({"parameters": {"binary_data_output": True}}, True),
        ({"parameters": {"binary_data_output": False}}, False),
        ({"outputs": [VALUES | {"parameters": {"binary_data": True}}]}, True),
        ({"outputs": [{"name": "other", "parameters": {"binary_data": True}}]}, False),
        ({"parameters": {"binary_data_output": True}, "outputs": [VALUES]}, True),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [VALUES | {"parameters": {"binary_data": False}}],
            },
            False,
        ),
        ({"outputs": "values"}, False),
        ({"outputs": [3]}, False),
    ],
)
def test_what_a_call_says_of_the_output_comes_before_what_it_says_of_all(asked, binary):
    assert read(head(1, ONE) | asked, ONE).binary_output is binary
