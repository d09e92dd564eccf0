"""This module answers the small calls of our routes right from the HTTP parser, without ASGI's messages between.

ASGI takes a dictionary for the call, one for its body, two for its reply, and an event: more work than the predictor
itself has with ten rows. So a POST of one of our routes whose whole body has come is given to the fast path at once.
All else, and what keeps connections in order, is uvicorn's: parsing, pipelines, keep-alive, and the end of the server,
which waits for what has begun.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from oo_serving.admission import Slot
from oo_serving.body import BodyLimits, ClientDisconnect
from oo_serving.fast_path import WATCHED, FastPath
from oo_serving.problem_response import HTTPProblem, Response
from oo_serving.request import RequestHead

__all__ = ["FastPathProtocol"]

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class DirectCycle:
    """A call on the fast path, with what uvicorn's protocol reads and writes of the call that its connection is at."""

    message_event: ClassVar[asyncio.Event] = asyncio.Event()  # nobody waits for it
    path: str
    keep_alive: bool
    slot: Slot | None = None
    body: bytearray = field(default_factory=bytearray)
    more_body: bool = True
    disconnected: bool = False
    response_complete: bool = False

    async def read(self, _: Mapping[bytes, bytes], limits: BodyLimits) -> list[bytes]:
        """Return the whole body.

        Raises:
            HTTPProblem: 413, because it is too large.
            ClientDisconnect: the caller left.
        """
        if self.disconnected:
            raise ClientDisconnect
        if len(self.body) > limits.max_bytes:
            raise limits.too_large()
        return [bytes(self.body)]

    async def unless_disconnected(self, call: Coroutine[Any, Any, Response]) -> Response:
        """Return the response; work on a small body ends soon anyway."""
        return await call


class FastPathProtocol(HttpToolsProtocol):
    """One connection of a client."""

    fast_path: ClassVar[FastPath]
    paths: ClassVar[Mapping[bytes, str]]  # the targets of requests that may be small calls, by their bytes

    @classmethod
    def factory(cls, fast_path: FastPath) -> type[FastPathProtocol]:
        """Return the class of the connections of one server, for uvicorn makes them by itself."""
        return type(cls.__name__, (cls,), {"fast_path": fast_path, "paths": _direct_paths(fast_path)})

    def on_message_begin(self) -> None:
        """Forget the last request."""
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Wait for the body of a call of the fast path, and leave any other to ASGI."""
        if (path := self._direct_path()) is None:
            self._begin_asgi()
        else:
            self.cycle = cast("RequestResponseCycle", DirectCycle(path, self.parser.should_keep_alive()))

    def _direct_path(self) -> str | None:
        """Return the path of a small call that nothing stands before, or None when it is something else."""
        path = self.paths.get(self.url)
        parser, cycle = self.parser, self.cycle
        if path is None or parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return None
        if self.expect_100_continue or parser.should_upgrade() or not (cycle is None or cycle.response_complete):
            return None
        return path if _is_small(self.headers) else None

    def _begin_asgi(self) -> None:
        """Begin an ASGI cycle with what has come of the request."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Answer a call whose whole body is here."""
        cycle = cast("DirectCycle | RequestResponseCycle", self.cycle)
        if not isinstance(cycle, DirectCycle):
            super().on_message_complete()
            return
        cycle.more_body = False
        try:
            cycle.slot = self.fast_path.admit(cycle.path)
        except HTTPProblem as refused:
            if self.flow.write_paused:
                self._start(self._send(cycle, refused.response))
            else:  # without a task: to refuse has to cost next to nothing
                self._write(cycle, refused.response)
            return
        head = RequestHead("POST", cycle.path, dict(self.headers), (self.server or ("", 0))[1] or 0)
        self._start(self._answer(cycle, cycle.slot, head))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that the server waits for at its end."""
        task = self.loop.create_task(work)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _answer(self, cycle: DirectCycle, slot: Slot, head: RequestHead) -> None:
        try:
            await self.fast_path.answer(head, cycle, partial(self._send, cycle))
        except Exception:  # the outermost loop of a call
            log.exception("%s failed", head.path)
            self.transport.close()
        finally:
            slot.end()

    async def _send(self, cycle: DirectCycle, reply: Response) -> None:
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if not cycle.disconnected:
            self._write(cycle, reply)

    def _write(self, cycle: DirectCycle, reply: Response) -> None:
        self.transport.write(self._bytes_of(reply, cycle))
        cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _bytes_of(self, reply: Response, cycle: DirectCycle) -> bytes:
        headers = [
            *self.server_state.default_headers,
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
        ]
        if not cycle.keep_alive:
            headers.append((b"connection", b"close"))
        lines = b"".join([b"%s: %s\r\n" % header for header in headers])
        return b"%s%s\r\n%s" % (STATUS_LINE[reply.status], lines, reply.body)


def _direct_paths(fast_path: FastPath) -> dict[bytes, str]:
    return {path.encode(): path for path, handlers in fast_path.routes.items() if "POST" in handlers}


def _is_small(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the body that follows is a small one, and says so: what is unpacked may be large."""
    sizes = [int(value) for name, value in headers if name == b"content-length"]
    return bool(sizes) and max(sizes) < WATCHED and all(name != b"content-encoding" for name, _ in headers)
