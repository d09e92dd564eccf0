"""This module stands before KServe's app as ASGI: our routes take the fast path, and of KServe's only some pass.

Those report what models there are; nothing that loads, unloads or explains one is reachable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from oo_serving.body import BodyLimits, ClientDisconnect, Receive, read_body
from oo_serving.fast_path import FastPath, log_refusal, method_not_allowed
from oo_serving.problem_response import FAULT_DETAIL, Response, problem, unavailable
from oo_serving.request import RequestHead

__all__ = ["FastPathMiddleware", "kserve_routes"]

NOTHING_HERE = "there is nothing here"
Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]


def kserve_routes(models: Iterable[str]) -> frozenset[str]:
    """Return the routes of KServe that are passed on, for GET alone.

    They report what models there are, and whether they are ready.
    """
    fixed = {"/metrics", "/v1/models", "/v2", "/v2/models", "/v2/health/live", "/v2/health/ready"}
    return frozenset(fixed.union(*({f"/v1/models/{name}", f"/v2/models/{name}/ready"} for name in models)))


@dataclass(frozen=True, slots=True)
class StreamedBody:
    """A body that the server hands over in ASGI's messages."""

    receive: Receive
    slot: None = None

    async def read(self, headers: Mapping[bytes, bytes], limits: BodyLimits) -> list[bytes]:
        """Return the whole body as it was sent, in the parts in which it came."""
        return await read_body(self.receive, headers, limits)

    async def unless_disconnected(self, call: Coroutine[Any, Any, Response]) -> Response:
        """Return the response, but stop working as soon as the caller is gone."""
        work, left = asyncio.create_task(call), asyncio.ensure_future(self.receive())
        try:
            await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise ClientDisconnect
            return work.result()
        finally:
            work.cancel()
            left.cancel()


@dataclass(frozen=True, slots=True)
class FastPathMiddleware:
    """An ASGI app: our routes first, then KServe's that are `passed_through`, by GET; everything else is a 404."""

    app: App
    fast_path: FastPath
    passed_through: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection of the server, by ASGI."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # before it is accepted: a 403
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] in self.fast_path.routes:
            await self.fast_path.answer(_head(scope), StreamedBody(receive), partial(_send, send))
        elif scope["path"] not in self.passed_through:
            await _refuse(scope, send, problem(HTTPStatus.NOT_FOUND, NOTHING_HERE))
        elif scope["method"] == "GET":
            await self.app(scope, receive, _guard_send(send, scope))
        else:
            await _refuse(scope, send, method_not_allowed("GET"))


async def _send(send: Send, reply: Response) -> None:
    headers = [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _refuse(scope: Scope, send: Send, reply: Response) -> None:
    log_refusal(_head(scope), reply)
    await _send(send, reply)


def _head(scope: Scope) -> RequestHead:
    _, port = scope.get("server") or ("", 0)
    return RequestHead(scope["method"], scope["path"], dict(scope["headers"]), port)


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
