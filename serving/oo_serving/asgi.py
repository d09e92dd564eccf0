"""This module is the fast path in front of KServe's app: it answers our routes, and lets through only listed ones.

A body of our routes is read within a size limit, checked for its content type, and given to a handler that takes and
returns bytes. Work that can wait until the reply is sent, like encoding its event, is the response's `background`. Of
KServe's routes only those that report something pass. Each refusal is a problem, and one line in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

from oo_contracts.inference import JSON_LENGTH_HEADER, TENSORS_CONTENT_TYPE

from oo_serving.body import BodyLimits, ClientDisconnect, Receive, json_body, read_body, split_tensors
from oo_serving.bulkhead import Bulkhead
from oo_serving.pace import Busy
from oo_serving.problem_response import FAULT_DETAIL, HTTPProblem, Response, problem, unavailable

__all__ = ["FastPathMiddleware", "Handler", "Request", "Response", "Routes", "UnansweredHook", "kserve_routes"]

log = logging.getLogger(__name__)

NOTHING_HERE = "there is nothing here"
JSON = b"application/json"
MAX_LOGGED_PATH = 200  # characters
WATCHED = 16 << 10  # bytes; work on a larger body ends when the caller leaves, on a smaller one it ends soon anyway
Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request with its whole body: its JSON, and the raw tensors that follow it on routes that take them."""

    body: bytes = b""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    port: int = 0  # the local port of the connection
    tensors: bytes = b""


Handler = Callable[[Request], Coroutine[Any, Any, Response]]
UnansweredHook = Callable[[Request, Response | None], None]
Routes = Mapping[str, Mapping[str, Handler]]  # path → method → handler


def kserve_routes(models: Iterable[str]) -> frozenset[str]:
    """Return the routes of KServe that are passed on, for GET alone.

    They report what models there are, and whether they are ready.
    """
    fixed = {"/metrics", "/v1/models", "/v2", "/v2/models", "/v2/health/live", "/v2/health/ready"}
    return frozenset(fixed.union(*({f"/v1/models/{name}", f"/v2/models/{name}/ready"} for name in models)))


@dataclass(frozen=True, slots=True)
class FastPathMiddleware:
    """An ASGI app: our routes first, then KServe's that are `passed_through`, by GET; everything else is a 404.

    `unanswered` is called for calls of our routes whose response has no `background` of its own: with the refusal, or
    with None when the caller had left before. What `bulkhead` takes is answered by another process. Only on the
    `tensor_routes` may raw tensors follow the JSON of a body.
    """

    app: App
    routes: Routes
    passed_through: frozenset[str]
    limits: BodyLimits
    unanswered: UnansweredHook | None = None
    bulkhead: Bulkhead | None = None
    tensor_routes: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection of the server, by ASGI."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # before it is accepted: a 403
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        elif (methods := self.routes.get(scope["path"])) is not None:
            await self._answer(scope, receive, send, methods)
        elif scope["path"] not in self.passed_through:
            await _refuse(scope, send, problem(HTTPStatus.NOT_FOUND, NOTHING_HERE))
        elif scope["method"] == "GET":
            await self.app(scope, receive, _guard_send(send, scope))
        else:
            await _refuse(scope, send, _method_not_allowed("GET"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, methods: Mapping[str, Handler]) -> None:
        handler = methods.get(scope["method"])
        try:
            reply = await self._handled(scope, receive, handler) if handler else _method_not_allowed(*methods)
        except ClientDisconnect:
            log.info("%s: the caller left", _request_line(scope))
            await self._report_unanswered(scope, None)
            return
        if reply.status >= HTTPStatus.BAD_REQUEST:
            await _refuse(scope, send, reply)
        else:
            await _send(send, reply)
        if reply.background is not None:
            await _run_background(reply.background, scope["path"])
        elif reply.status >= HTTPStatus.BAD_REQUEST:
            await self._report_unanswered(scope, reply)

    async def _report_unanswered(self, scope: Scope, reply: Response | None) -> None:
        if self.unanswered is not None:
            call = Request(b"", dict(scope["headers"]), scope["server"][1])
            await _run_background(partial(self.unanswered, call, reply), scope["path"])

    async def _handled(self, scope: Scope, receive: Receive, handler: Handler) -> Response:
        headers = dict(scope["headers"])
        try:
            parts = await read_body(receive, headers, self.limits) if scope["method"] == "POST" else []
            # The body is passed on unchecked: the worker answers it by this same path, with all its checks.
            if parts and self.bulkhead is not None and self.bulkhead.takes(parts, headers):
                return await _unless_disconnected(self.bulkhead.pass_on(scope["path"], parts, headers), receive)
            request = self._request(scope, b"".join(parts), headers)
            call = handler(request)
            is_short = len(request.body) + len(request.tensors) < WATCHED
            return await (call if is_short else _unless_disconnected(call, receive))
        except HTTPProblem as refused:
            return refused.response
        except Busy:
            return unavailable("too many large calls wait already")
        except ClientDisconnect:
            raise
        except Exception:  # the outermost loop of a call
            log.exception("%s failed", scope["path"])
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, FAULT_DETAIL)

    def _request(self, scope: Scope, sent: bytes, headers: Mapping[bytes, bytes]) -> Request:
        """Return the request of a body as it was sent.

        Raises:
            HTTPProblem: the body is too large, or its headers say that it is something else than this route takes.
        """
        port = scope["server"][1]
        if scope["method"] != "POST":
            return Request(b"", headers, port)
        if JSON_LENGTH_HEADER in headers and scope["path"] in self.tensor_routes:
            _require_content_type(headers, JSON, TENSORS_CONTENT_TYPE)
            body, tensors = split_tensors(sent, headers, self.limits)
            return Request(body, headers, port, tensors)
        _require_content_type(headers, JSON)
        if headers.get(JSON_LENGTH_HEADER, b"%d" % len(sent)).strip() != b"%d" % len(sent):
            name = JSON_LENGTH_HEADER.decode()
            detail = f"{name} must be the length of the body: tensors are taken as JSON, not as bytes after"
            raise HTTPProblem(problem(HTTPStatus.BAD_REQUEST, detail))
        return Request(json_body(sent, headers, self.limits), headers, port)


def _require_content_type(headers: Mapping[bytes, bytes], *taken: bytes) -> None:
    if headers.get(b"content-type", b"").split(b";")[0].strip().lower() not in taken:
        names = b" or ".join(taken).decode()
        raise HTTPProblem(problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send content-type: {names}"))


async def _unless_disconnected(call: Coroutine[Any, Any, Response], receive: Receive) -> Response:
    """Return the response, but stop working as soon as the caller is gone.

    Raises:
        ClientDisconnect: the caller left before the response was ready.
    """
    work, left = asyncio.create_task(call), asyncio.ensure_future(receive())
    try:
        await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientDisconnect
        return work.result()
    finally:
        work.cancel()
        left.cancel()


def _method_not_allowed(*methods: str) -> Response:
    allowed = ", ".join(sorted(methods))
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}", headers=(("allow", allowed),))


async def _run_background(after: Callable[[], Awaitable[None] | None], path: str) -> None:
    try:
        if (rest := after()) is not None:
            await rest
    except Exception:  # the outermost loop of a call, which is answered
        log.exception("%s: after the answer", path)


async def _send(send: Send, reply: Response) -> None:
    headers = [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _refuse(scope: Scope, send: Send, reply: Response) -> None:
    """Send a problem and log it in one line; without a detail the process that it was passed on to has logged it."""
    if reply.detail:
        log.info("%s: %d %s", _request_line(scope), reply.status, reply.detail)
    await _send(send, reply)


def _request_line(scope: Scope) -> str:
    return f"{scope['method']} {scope['path'][:MAX_LOGGED_PATH]}"


def _guard_send(send: Send, scope: Scope) -> Send:
    """Replace KServe's errors by problems: KServe puts the text of any exception into its answer."""
    replaced = False

    async def guarded(message: dict[str, Any]) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
            replaced = True
            await _refuse(scope, send, _problem_instead(HTTPStatus(message["status"])))
        elif not replaced:
            await send(message)

    return guarded


def _problem_instead(status: HTTPStatus) -> Response:
    """Return the problem that replaces KServe's answer of this status."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return unavailable("not ready yet")
    return problem(status, FAULT_DETAIL if status >= HTTPStatus.INTERNAL_SERVER_ERROR else NOTHING_HERE)
