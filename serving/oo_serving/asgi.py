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

PROTOCOL = ("/v1/", "/v2/")
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
    port: int = 0  # the one it came in by


Handler = Callable[[Call], Awaitable[Reply]]
Routes = Mapping[str, Mapping[str, Handler]]  # path → method → handler


class TooLarge(Exception):
    """The body is larger than the limit; it was read away."""


class Gone(Exception):
    """The caller left before the body was whole."""


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
        else:
            await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """KServe's own routes: it knows no limit of a body, so it is read here and handed over whole."""
        try:
            body = await _body(receive, _declared_length(scope), self.max_body)
        except TooLarge:
            await _send(send, _too_large(self.max_body))
        except Gone:
            log.info("%s: the caller left", scope["path"])
        else:
            await self.app(scope, _again(body, receive), _guarded(send, scope["path"]))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, methods: Mapping[str, Handler]) -> None:
        handler = methods.get(scope["method"])
        if handler is None:
            allowed = ", ".join(sorted(methods))
            await _send(send, problem(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}", headers=(("allow", allowed),)))
            return
        try:
            reply = await self._handled(scope, receive, handler)
        except Gone:
            log.info("%s: the caller left", scope["path"])
            return
        await _send(send, reply)
        if reply.after is not None:
            _run(reply.after, scope["path"])

    async def _handled(self, scope: Scope, receive: Receive, handler: Handler) -> Reply:
        headers = dict(scope["headers"])
        try:
            body = await _body(receive, _declared_length(scope), self.max_body) if scope["method"] == "POST" else b""
            if scope["method"] == "POST" and not _is_json(headers.get(b"content-type", b"")):
                return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send content-type: application/json")
            return await handler(Call(body, headers, scope["server"][1]))
        except TooLarge:
            return _too_large(self.max_body)
        except Gone:
            raise
        except Exception:  # the outermost loop of a call
            log.exception("%s failed", scope["path"])
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a fault of ours; it has been logged")


async def _body(receive: Receive, declared: int, limit: int) -> bytes:
    message: dict[str, Any] = {"more_body": True}
    parts: list[bytes] = []
    size = 0
    while message.get("more_body") and size <= DRAIN:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
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


def _run(after: Callable[[], None], path: str) -> None:
    try:
        after()
    except Exception:  # the outermost loop of a call, which is answered
        log.exception("%s: after the answer", path)


async def _send(send: Send, reply: Reply) -> None:
    headers = [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def _too_large(limit: int) -> Reply:
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes")


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be received once more; then whatever comes."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> dict[str, Any]:
        return waiting.pop() if waiting else await receive()

    return received


def _guarded(send: Send, path: str) -> Send:
    """KServe puts the text of any exception into a 5xx, and knows no problems; callers get a problem instead."""
    replaced = False

    async def guarded(message: dict[str, Any]) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and (reply := _instead(message, path)) is not None:
            replaced = True
            await _send(send, reply)
        elif not replaced:
            await send(message)

    return guarded


def _instead(start: dict[str, Any], path: str) -> Reply | None:
    """The problem that stands for an answer, if one must. The protocol's own 4xx, with its own form, stay."""
    status = HTTPStatus(start["status"])
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(status, "this is a fault of ours; it has been logged")
    if status == HTTPStatus.NOT_FOUND and not path.startswith(PROTOCOL):
        return problem(status, "there is nothing here")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = [(name.decode(), value.decode()) for name, value in start.get("headers", ()) if name == b"allow"]
        return problem(status, "another method is needed", headers=allow)
    return None
