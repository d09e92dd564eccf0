"""This module turns the bytes of a request into JSON text: unpacked, without a byte order mark, of bounded cost.

The cost of a body is bounded before it is parsed: by its length, and by its commas and opening
brackets, of which each value needs one.
"""

from __future__ import annotations

import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from oo_contracts.inference import JSON_LENGTH_HEADER
from oo_contracts.limits import MAX_BODY_VALUES, MAX_MENDED_BYTES, MAX_MENDED_HALVES

from oo_serving.problem_response import HTTPProblem, problem

__all__ = [
    "BodyLimits",
    "ClientDisconnect",
    "Receive",
    "count_objects",
    "count_values",
    "json_body",
    "read_body",
    "replace_lone_surrogates",
    "split_tensors",
]

MAX_DRAIN_BYTES = 64 << 20  # bytes of a too large body that are read away, so that the caller gets to see the answer
MAX_LENGTH_DIGITS = 10  # of the length of the JSON before tensors; Python refuses to read very long numbers
GZIP_WBITS = 31  # zlib's number for a gzip header and trailer
IDENTITY = {b"", b"identity"}
# Half of a character outside the basic plane as an escape, and where it follows its first half the second one.
SURROGATE = re.compile(rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})")
PAIR_LENGTH = len(rb"\ud83d\ude00")
REPLACEMENT = rb"\ufffd"
# How JSON may spell them; as escapes in a text that is JSON once more, as an element of a tensor is.
COMMAS = (b",", rb"\u002c", rb"\u002C")
LISTS = (b"[", rb"\u005b", rb"\u005B")
OBJECTS = (b"{", rb"\u007b", rb"\u007B")
ASCII_ESCAPE = rb"\u00"


Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientDisconnect(Exception):
    """The caller left before it was answered."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The limits of a body.

    `max_bytes` holds before and after it is unpacked, `max_values` for its commas and opening brackets.
    """

    max_bytes: int
    max_values: int = MAX_BODY_VALUES

    def too_large(self) -> HTTPProblem:
        """Return the refusal of a body that has more than `max_bytes`."""
        return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {self.max_bytes} bytes")


def _refusal(status: HTTPStatus, detail: str, headers: Sequence[tuple[str, str]] = ()) -> HTTPProblem:
    return HTTPProblem(problem(status, detail, headers=headers))


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limits: BodyLimits) -> list[bytes]:
    """Return the whole body as it was sent, in the parts in which it came.

    Raises:
        HTTPProblem: 413; the body was still read (up to a bound), so that the caller sees the answer.
        ClientDisconnect: the caller left.
    """
    text = headers.get(b"content-length", b"")
    declared = int(text) if text.isdigit() else 0
    message: dict[str, Any] = {"more_body": True}
    parts: list[bytes] = []
    size = 0
    while message.get("more_body") and size <= MAX_DRAIN_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if max(size, declared) <= limits.max_bytes:
            parts.append(part)
    if size > limits.max_bytes:
        raise limits.too_large()
    return parts


def json_body(body: bytes, headers: Mapping[bytes, bytes], limits: BodyLimits) -> bytes:
    """Return the JSON text of a body.

    Raises:
        HTTPProblem: 413 when it is too large, 415 when it is packed otherwise than by gzip, 400 when it is no gzip.
    """
    return _bounded(_decompress(body, headers, limits), limits)


def split_tensors(body: bytes, headers: Mapping[bytes, bytes], limits: BodyLimits) -> tuple[bytes, bytes]:
    """Return the JSON text of a body and the raw tensors that follow it, at the length that a header says.

    Raises:
        HTTPProblem: as `json_body`; 400 when the header is no length of a part of the (unpacked) body.
    """
    whole = _decompress(body, headers, limits)
    length = headers[JSON_LENGTH_HEADER].strip()
    if not length.isdigit() or len(length) > MAX_LENGTH_DIGITS or int(length) > len(whole):
        detail = f"{JSON_LENGTH_HEADER.decode()} must be the length of the JSON, 0 to {len(whole)}"
        raise _refusal(HTTPStatus.BAD_REQUEST, detail)
    return _bounded(whole[: int(length)], limits), whole[int(length) :]


def _bounded(text: bytes, limits: BodyLimits) -> bytes:
    text = text.removeprefix(BOM_UTF8)
    values = count_values(text)
    if values > limits.max_values:
        detail = f"the body has {values} commas and opening brackets; {limits.max_values} are taken"
        raise _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    return text


def count_values(text: bytes) -> int:
    """Return an upper bound of the values in a JSON text.

    It counts commas and opening brackets, also those inside strings.
    """
    return _count(text, COMMAS) + _count(text, LISTS) + count_objects(text)


def count_objects(text: bytes) -> int:
    """Return an upper bound of the objects in a JSON text: its opening braces, also those inside strings."""
    return _count(text, OBJECTS)


def _count(text: bytes, spellings: Sequence[bytes]) -> int:
    """Count every spelling.

    Escaped ones are searched only where the text has an escape of ASCII at all, as few honest texts do.
    """
    return sum(map(text.count, spellings if ASCII_ESCAPE in text else spellings[:1]))


def _decompress(body: bytes, headers: Mapping[bytes, bytes], limits: BodyLimits) -> bytes:
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding in IDENTITY:
        return body
    if encoding not in {b"gzip", b"x-gzip"}:
        detail = "send the body as it is, or with content-encoding: gzip"
        raise _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, [("accept-encoding", "gzip")])
    gzip = zlib.decompressobj(GZIP_WBITS)
    try:
        text = gzip.decompress(body, limits.max_bytes + 1)
    except zlib.error:
        raise _refusal(HTTPStatus.BAD_REQUEST, "the body is not gzip, as its content-encoding says") from None
    if len(text) > limits.max_bytes:
        raise limits.too_large()
    if not gzip.eof or gzip.unused_data:
        raise _refusal(HTTPStatus.BAD_REQUEST, "the body is not one whole gzip member")
    return text


def replace_lone_surrogates(text: bytes) -> bytes:
    """Return the text with U+FFFD for each half of a surrogate pair that stands alone.

    It is for a text that a parser refused.

    JavaScript writes such a half when it cuts a text in the middle of an emoji. A text
    that would take long is returned as it is.
    """
    if len(text) > MAX_MENDED_BYTES or text.count(rb"\ud") + text.count(rb"\uD") > MAX_MENDED_HALVES:
        return text
    halves = sorted((*_escape_positions(text, rb"\ud"), *_escape_positions(text, rb"\uD")))
    parts: list[bytes] = []
    copied_to = passed = 0
    for start in halves:
        match = SURROGATE.match(text, start) if start >= passed else None
        if match is None or _is_escaped(text, start):
            continue
        passed = match.end()
        if passed - start < PAIR_LENGTH:
            parts += [text[copied_to:start], REPLACEMENT]
            copied_to = passed
    return b"".join((*parts, text[copied_to:])) if parts else text


def _escape_positions(text: bytes, start: bytes) -> Iterator[int]:
    """Yield every position at which an escape may begin."""
    position = text.find(start)
    while position >= 0:
        yield position
        position = text.find(start, position + 1)


def _is_escaped(text: bytes, index: int) -> bool:
    """Whether the backslash at `index` is itself escaped, that is, an odd number of backslashes stands before it."""
    width = 8
    while True:
        before = text[max(0, index - width) : index]
        run = len(before) - len(before.rstrip(b"\\"))
        if run < width:
            return run % 2 == 1
        width *= 8
