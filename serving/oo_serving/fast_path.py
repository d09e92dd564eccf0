"""This module is the fast path: what becomes of a call of our routes, whatever carried it here.

A body is read within a size limit, checked for its content type, and given to a handler that takes and returns bytes.
Work that can wait until the reply is sent, like encoding its event, is the response's `background`. Each refusal is a
problem, and one line in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

from oo_serving.admission import Admission, FreeSlot, Slot
from oo_serving.body import BodyLimits, ClientDisconnect
from oo_serving.bulkhead import Bulkhead
from oo_serving.pace import Busy
from oo_serving.problem_response import FAULT_DETAIL, HTTPProblem, Response, problem, unavailable
from oo_serving.request import Request, RequestHead, request_of

__all__ = [
    "WATCHED",
    "BodySource",
    "FastPath",
    "Handler",
    "Routes",
    "UnansweredHook",
    "log_refusal",
    "method_not_allowed",
]

log = logging.getLogger(__name__)

MAX_LOGGED_PATH = 200  # characters
WATCHED = 16 << 10  # bytes; work on a larger body ends when the caller leaves, on a smaller one it ends soon anyway


Handler = Callable[[Request], Coroutine[Any, Any, Response]]
UnansweredHook = Callable[[Request, Response | None], None]
Routes = Mapping[str, Mapping[str, Handler]]  # path → method → handler


class BodySource(Protocol):
    """The body of one call on its way here."""

    @property
    def slot(self) -> Slot | None:
        """The place that was taken for the call when it came, if it was."""

    async def read(self, headers: Mapping[bytes, bytes], limits: BodyLimits) -> list[bytes]:
        """Return the whole body as it was sent, in parts.

        Raises:
            HTTPProblem: 413, because it is too large.
            ClientDisconnect: the caller left.
        """

    async def unless_disconnected(self, call: Coroutine[Any, Any, Response]) -> Response:
        """Return the response, but stop working as soon as the caller is gone.

        Raises:
            ClientDisconnect: the caller left before the response was ready.
        """


@dataclass(frozen=True, slots=True)
class FastPath:
    """The handlers of our routes, and what holds for all of them.

    `unanswered` is called for calls whose response has no `background` of its own: with the refusal, or with None when
    the caller had left before. What `bulkhead` takes is answered by another process. Only on the `tensor_routes` may
    raw tensors follow the JSON of a body. On the paths of `admission` a call needs a place.
    """

    routes: Routes
    limits: BodyLimits
    unanswered: UnansweredHook | None = None
    bulkhead: Bulkhead | None = None
    tensor_routes: frozenset[str] = frozenset()
    admission: Admission = field(default_factory=dict)

    def admit(self, path: str) -> Slot:
        """Take a place for a call, which is to be ended.

        Raises:
            HTTPProblem: there is none.
        """
        return self.admission.get(path, FreeSlot)()

    async def answer(self, head: RequestHead, body: BodySource, send: Callable[[Response], Awaitable[None]]) -> None:
        """Answer a call of one of our routes, whatever brought it here, and do what is left once the reply is sent."""
        handler = self.routes[head.path].get(head.method)
        try:
            reply = (
                await self._response(head, body, handler) if handler else method_not_allowed(*self.routes[head.path])
            )
        except ClientDisconnect:
            log.info("%s: the caller left", _request_line(head))
            await self._report_unanswered(head, None)
            return
        if reply.status >= HTTPStatus.BAD_REQUEST:
            log_refusal(head, reply)
        await send(reply)
        if reply.background is not None:
            await _run_background(reply.background, head.path)
        elif reply.status >= HTTPStatus.BAD_REQUEST:
            await self._report_unanswered(head, reply)

    async def _report_unanswered(self, head: RequestHead, reply: Response | None) -> None:
        if self.unanswered is not None:
            await _run_background(partial(self.unanswered, Request(b"", head.headers, head.port), reply), head.path)

    async def _response(self, head: RequestHead, body: BodySource, handler: Handler) -> Response:
        try:
            parts = await body.read(head.headers, self.limits) if head.method == "POST" else []
            # The body is passed on unchecked: the worker answers it by this same path, with all its checks.
            if parts and self.bulkhead is not None and self.bulkhead.takes(parts, head.headers):
                return await body.unless_disconnected(self.bulkhead.pass_on(head.path, parts, head.headers))
            return await self._worked_on(head, parts, body, handler)
        except HTTPProblem as refused:
            return refused.response
        except Busy:
            return unavailable("too many large calls wait already")
        except ClientDisconnect:
            raise
        except Exception:  # the outermost loop of a call
            log.exception("%s failed", head.path)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, FAULT_DETAIL)

    async def _worked_on(self, head: RequestHead, parts: list[bytes], body: BodySource, handler: Handler) -> Response:
        slot = body.slot or self.admit(head.path)
        try:
            if body.slot is None:
                await asyncio.sleep(0)  # all that have come by now are counted or refused before the work on one begins
            slot.begin()
            takes_tensors = head.path in self.tensor_routes
            request = request_of(
                head, b"".join(parts), self.limits, takes_tensors=takes_tensors, is_overloaded=slot.is_overloaded
            )
            call = handler(request)
            is_short = len(request.body) + len(request.tensors) < WATCHED
            return await (call if is_short else body.unless_disconnected(call))
        finally:
            slot.end()


def method_not_allowed(*methods: str) -> Response:
    """Return a 405 that names the methods of the route."""
    allowed = ", ".join(sorted(methods))
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}", headers=(("allow", allowed),))


async def _run_background(after: Callable[[], Awaitable[None] | None], path: str) -> None:
    try:
        if (rest := after()) is not None:
            await rest
    except Exception:  # the outermost loop of a call, which is answered
        log.exception("%s: after the answer", path)


def log_refusal(head: RequestHead, reply: Response) -> None:
    """Log a refusal in one line; without a detail the process that it was passed on to has logged it."""
    if reply.detail:
        log.info("%s: %d %s", _request_line(head), reply.status, reply.detail)


def _request_line(head: RequestHead) -> str:
    return f"{head.method} {head.path[:MAX_LOGGED_PATH]}"
