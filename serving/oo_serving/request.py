"""This module makes a request of what was sent: its JSON is within limits and is called so by its headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from oo_contracts.inference import JSON_LENGTH_HEADER, TENSORS_CONTENT_TYPE

from oo_serving.body import BodyLimits, json_body, split_tensors
from oo_serving.problem_response import HTTPProblem, problem

__all__ = ["Request", "RequestHead", "request_of"]

JSON = b"application/json"


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What comes of a request before its body: its headers by name in lower case, and the connection's local port."""

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    port: int


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request with its whole body: its JSON, and the raw tensors that follow it on routes that take them."""

    body: bytes = b""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    port: int = 0  # the local port of the connection
    tensors: bytes = b""
    is_overloaded: bool = False  # whether its route's limit asks for less work than usual


def request_of(
    head: RequestHead, sent: bytes, limits: BodyLimits, *, takes_tensors: bool, is_overloaded: bool = False
) -> Request:
    """Return the request of a body as it was sent; raw tensors may follow its JSON where the route takes them.

    Raises:
        HTTPProblem: the body is too large, or its headers say that it is something else than this route takes.
    """
    headers, port = head.headers, head.port
    if head.method != "POST":
        return Request(b"", headers, port)
    if JSON_LENGTH_HEADER in headers and takes_tensors:
        _require_content_type(headers, JSON, TENSORS_CONTENT_TYPE)
        body, tensors = split_tensors(sent, headers, limits)
        return Request(body, headers, port, tensors, is_overloaded)
    _require_content_type(headers, JSON)
    if headers.get(JSON_LENGTH_HEADER, b"%d" % len(sent)).strip() != b"%d" % len(sent):
        name = JSON_LENGTH_HEADER.decode()
        detail = f"{name} must be the length of the body: tensors are taken as JSON, not as bytes after"
        raise HTTPProblem(problem(HTTPStatus.BAD_REQUEST, detail))
    return Request(json_body(sent, headers, limits), headers, port, is_overloaded=is_overloaded)


def _require_content_type(headers: Mapping[bytes, bytes], *taken: bytes) -> None:
    if headers.get(b"content-type", b"").split(b";")[0].strip().lower() not in taken:
        names = b" or ".join(taken).decode()
        raise HTTPProblem(problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send content-type: {names}"))
