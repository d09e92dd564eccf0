"""One connection to another server: it sends a request, and reads the response that belongs to it.

What nobody waits for, or what comes twice, closes the connection: it must not become the next call's response.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

import httptools

__all__ = ["Connection", "StaleConnection", "UpstreamResponse"]

MAX_IDLE_S = 55.0  # the servers close idle connections after 65
YIELDING_BYTES = 16 << 10  # after a larger part of a request, others have the loop: copying it to the kernel takes long
MAX_RESPONSE_BYTES = 8 << 20  # bytes of an answer


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """The response of the other server; names of headers are in lower case."""

    status: int
    body: bytes
    headers: Mapping[bytes, bytes] = field(default_factory=dict)


class StaleConnection(OSError):
    """The other side closed the connection before it answered anything."""


class Connection(asyncio.Protocol):
    """One connection, as asyncio's protocol; httptools calls the `on_…` methods while it parses."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.parser: Any = None
        self.waiter: asyncio.Future[UpstreamResponse] | None = None
        self.parts: list[bytes] = []
        self.headers: dict[bytes, bytes] = {}
        self.size = 0
        self.idle_since = 0.0
        self.used = False
        self.heard = False  # whether something of the present response has come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio calls this once)."""
        self.transport = cast("asyncio.Transport", transport)

    async def send(self, request: Sequence[bytes]) -> UpstreamResponse:
        """Send one request, part by part, and return its response.

        Raises:
            StaleConnection: the connection was closed before it answered anything; the request may be sent again.
            ConnectionError: the connection failed in the middle of a response, or the response is no HTTP or too large.
        """
        if self.transport is None or self.transport.is_closing():
            raise StaleConnection
        self.parser, self.headers = httptools.HttpResponseParser(self), {}
        self.parts, self.size, self.heard = [], 0, False
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            for part in request:
                if self.waiter.done():  # it was refused, or the other side left
                    break
                self.transport.write(part)
                if len(part) > YIELDING_BYTES:
                    await asyncio.sleep(0)
            return await self.waiter
        finally:
            self.waiter, self.used = None, True

    def data_received(self, data: bytes) -> None:
        """Parse what came; without a waiting call, close the connection."""
        if self.waiter is None:  # nobody asked: what comes must not become the next call's answer
            self.close()
            return
        self.heard = True
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionError(f"not HTTP: {type(error).__name__}"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header of the response, its name in lower case."""
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        """Keep one part of the response's body, within MAX_RESPONSE_BYTES."""
        self.parts.append(body)
        self.size += len(body)
        if self.size > MAX_RESPONSE_BYTES:
            self._fail(ConnectionError("the answer is too large"))

    def on_message_begin(self) -> None:
        """Close the connection at the second response to one request."""
        if self.waiter is not None and self.waiter.done():
            self.close()  # a second answer to one request

    def on_message_complete(self) -> None:
        """Give the whole response to the waiting call."""
        status = self.parser.get_status_code()
        if status < HTTPStatus.OK:  # like 103 Early Hints: the answer is still to come
            return
        if not self.parser.should_keep_alive():
            self.close()
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(UpstreamResponse(status, b"".join(self.parts), self.headers))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the waiting call: as stale while nothing of a response has come, else as reset."""
        self._fail(ConnectionResetError("closed in the middle of an answer") if self.heard else StaleConnection())

    def _fail(self, error: Exception) -> None:
        self.close()
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)

    def close(self) -> None:
        """Close the transport, if there is one."""
        if self.transport is not None:
            self.transport.close()

    @property
    def is_usable(self) -> bool:
        """Whether the connection is open and was idle for less than MAX_IDLE_S."""
        fresh = time.monotonic() - self.idle_since < MAX_IDLE_S
        return self.transport is not None and not self.transport.is_closing() and fresh
