"""What clients put around JSON, and what they do to it, against limits that hold before anything is parsed."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.limits import MAX_BODY_VALUES, MAX_MENDED_BYTES, MAX_MENDED_HALVES
from oo_serving.body import BodyLimits, json_body, replace_lone_surrogates, split_tensors
from oo_serving.problem_response import HTTPProblem

LIMITS = BodyLimits(100_000)
BODY = b'{"user_id": "u-1"}'
PACKED = gzip.compress(BODY, mtime=0)  # the same in each worker, of whose name it is a part


def read(body, encoding=None, limits=LIMITS):
    return json_body(body, {} if encoding is None else {b"content-encoding": encoding}, limits)


def status(body, encoding=None, limits=LIMITS):
    with pytest.raises(HTTPProblem) as refused:
        read(body, encoding, limits)
    return refused.value.response.status


@pytest.mark.parametrize("encoding", [b"gzip", b"GZIP", b"x-gzip", b" gzip "])
def test_gzip_is_unpacked(encoding):
    assert read(gzip.compress(BODY), encoding) == BODY


def test_a_byte_order_mark_is_left_out_packed_or_not():
    assert read(b"\xef\xbb\xbf" + BODY) == BODY
    assert read(gzip.compress(b"\xef\xbb\xbf" + BODY), b"gzip") == BODY


@pytest.mark.parametrize("encoding", [b"deflate", b"br", b"zstd", b"gzip, gzip", b"deflate, gzip", b"nonsense"])
def test_another_packing_is_415_and_says_what_is_taken(encoding):
    with pytest.raises(HTTPProblem) as refused:
        read(zlib.compress(BODY), encoding)

    assert (refused.value.response.status, refused.value.response.headers) == (415, ((b"accept-encoding", b"gzip"),))


@pytest.mark.parametrize("body", [BODY, b"", PACKED[:-3], PACKED + b"more", PACKED * 2])
def test_what_is_not_one_whole_gzip_member_is_400(body):
    assert status(body, b"gzip") == 400


RAW = b"\x00\xff,[{" * 40_000  # what would be too many values, were it JSON


def parted(body, length, encoding=b""):
    headers = {b"content-encoding": encoding, b"inference-header-content-length": length}
    return split_tensors(body, headers, BodyLimits(400_000))


@pytest.mark.parametrize("tensors", [b"", b"\x00" * 12, RAW])
def test_tensors_follow_the_json_packed_or_not(tensors):
    length = b" %d" % len(BODY)

    assert parted(BODY + tensors, length) == (BODY, tensors)
    assert parted(gzip.compress(BODY + tensors), length, b"gzip") == (BODY, tensors)


def test_the_json_before_tensors_has_the_limits_of_json():
    assert parted(b"\xef\xbb\xbf" + BODY + b"raw", b"%d" % (3 + len(BODY))) == (BODY, b"raw")
    with pytest.raises(HTTPProblem) as refused:
        parted(RAW + b"raw", b"%d" % len(RAW))
    assert refused.value.response.status == 413


@pytest.mark.parametrize("length", [b"", b"x", b"-1", b"+1", b"1.0", b"1e1", b"19", b"9" * 5_000, "\u0661".encode()])
def test_what_is_no_length_of_a_part_is_400(length):
    with pytest.raises(HTTPProblem) as refused:
        parted(BODY, length)

    assert refused.value.response.status == 400


@pytest.mark.parametrize("size", [LIMITS.max_bytes + 1, 50_000_000])
def test_a_bomb_is_413(size):
    assert status(gzip.compress(b" " * size), b"gzip") == 413


def test_what_is_at_the_limit_is_unpacked():
    assert len(read(gzip.compress(b" " * LIMITS.max_bytes), b"gzip")) == LIMITS.max_bytes


@pytest.mark.parametrize(
    "values", [b"[],", b"{},", b"1,", b'"",', b"[[", b'{"a":', rb"1\u002c", rb"\u002C", rb"\u005b", rb"\u007B"]
)
def test_a_body_of_too_many_values_is_413_before_it_is_parsed(values):
    assert status(values * (MAX_BODY_VALUES + 1), limits=BodyLimits(2 << 20)) == 413


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (r"\ud83d", "�"),
        (r"\uD83D", "�"),
        (r"\ude00", "�"),
        (r"cut \ud83d, then \ud83d\ude00", "cut �, then 😀"),
        (r"\ud83d\ud83d\ude00", "�😀"),
        (r"\ude00\ud83d", "��"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\�"),
        (r"\\ud83d\ude00", "\\ud83d�"),
        (r"\\\\\\\\\\\\\\\\\\ud83d", "\\" * 9 + "ud83d"),
        (r"\\\\\\\\\\\\\\\\\\\ud83d", "\\" * 9 + "�"),
        (r"\ud83", None),
        (r"\ud7ff\ue000", "\ud7ff\ue000"),
    ],
)
def test_half_a_character_is_replaced_and_nothing_else(sent, text):
    found = replace_lone_surrogates(f'"{sent}"'.encode())

    assert json.loads(found) == text if text is not None else found == f'"{sent}"'.encode()


@given(st.lists(st.sampled_from(["\\", "\ud83d", "\ude00", "😀", "u", '"', "d83d", "x"])).map("".join))
def test_what_is_read_has_whole_characters_and_keeps_the_others(text):
    parsed_json = json.loads(replace_lone_surrogates(json.dumps(text).encode()))

    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert parsed_json.encode().decode() == parsed_json  # no half is left, which would have no form in UTF-8
    assert parsed_json.replace("�", "") == whole.replace("�", "")


@pytest.mark.parametrize("more", [b"x" * MAX_MENDED_BYTES, rb"\uD83D" * MAX_MENDED_HALVES])
def test_what_would_take_long_is_left_to_the_parser(more):
    text = b'"' + rb"\ud83d" + more + b'"'

    assert replace_lone_surrogates(text) is text


@pytest.mark.parametrize("text", [rb'"\ud83d\ude00"', rb"\ud800\udc00", rb'"\\ud83d"', rb"\ud83"])
def test_what_needs_no_mending_stays_the_same_object(text):
    assert replace_lone_surrogates(text) is text
