"""The short cut: hot routes answered before KServe's own app sees them; everything else stays KServe's.

A call on a hot route is read with a size limit, checked for its content type, and answered by a handler that gets bytes
and gives bytes. What must happen after the reply, like encoding the event of it, is the reply's `after`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from oo_serving.problem import Reply, problem

__all__ = ["Call", "Handler", "Reply", "Routes", "ShortCut"]

log = logging.getLogger(__name__)

DRAIN = 64 << 20  # bytes of a too large body that are read away, so that the caller gets to see the answer
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request, whole."""

    body: bytes = b""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Reply]]
Routes = Mapping[str, Mapping[str, Handler]]  # path → method → handler


class TooLarge(Exception):
    """The body is larger than the limit; it was read away."""


@dataclass(frozen=True, slots=True)
class ShortCut:
    """An ASGI app: our routes first, then KServe's, whose 5xx answers lose their exception text."""

    app: App
    routes: Routes
    max_body: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif (methods := self.routes.get(scope["path"])) is not None:
            await self._answer(scope, receive, send, methods)
        elif _declared_length(scope) > self.max_body:
            await _send(send, problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the limit is {self.max_body} bytes"))
        else:
            await self.app(scope, receive, _without_exception_text(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, methods: Mapping[str, Handler]) -> None:
        handler = methods.get(scope["method"])
        if handler is None:
            allowed = ", ".join(sorted(methods))
            await _send(send, problem(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}", headers=(("allow", allowed),)))
            return
        reply = await self._handled(scope, receive, handler)
        await _send(send, reply)
        if reply.after is not None:
            reply.after()

    async def _handled(self, scope: Scope, receive: Receive, handler: Handler) -> Reply:
        headers = dict(scope["headers"])
        try:
            body = await _body(receive, _declared_length(scope), self.max_body) if scope["method"] == "POST" else b""
            if scope["method"] == "POST" and not _is_json(headers.get(b"content-type", b"")):
                return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send content-type: application/json")
            return await handler(Call(body, headers))
        except TooLarge:
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {self.max_body} bytes")
        except Exception:  # the outermost loop of a call
            log.exception("%s failed", scope["path"])
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a fault of ours; it has been logged")


async def _body(receive: Receive, declared: int, limit: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and len(body) <= limit:
        return body
    parts, size = [body], len(body)
    while message.get("more_body") and size <= DRAIN:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if max(size, declared) <= limit:
            parts.append(part)
    if size > limit:
        raise TooLarge
    return b"".join(parts)


def _declared_length(scope: Scope) -> int:
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(text) if text.isdigit() else 0


def _is_json(content_type: bytes) -> bool:
    return content_type.split(b";")[0].strip().lower() == b"application/json"


async def _send(send: Send, reply: Reply) -> None:
    headers = [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def _without_exception_text(send: Send) -> Send:
    """KServe puts the text of any exception into a 5xx; callers get a problem instead."""
    hidden = False

    async def guarded(message: dict[str, Any]) -> None:
        nonlocal hidden
        if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            hidden = True
            await _send(send, problem(HTTPStatus(message["status"]), "this is a fault of ours; it has been logged"))
        elif not hidden:
            await send(message)

    return guarded
