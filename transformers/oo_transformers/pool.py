"""A small HTTP/1.1 client: pooled connections to one host, a deadline on every call.

On this path it costs a tenth of what a general client does when calls overlap. One request at a time per connection, no
redirects, no cookies, no compression. A connection that the server closed while it was idle is replaced once.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

__all__ = ["Answer", "Pool"]

IDLE = 55.0  # seconds; the servers let go of idle connections after 65
LARGEST = 8 << 20  # bytes of an answer
Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class StaleConnection(OSError):
    """Closed by the other side before it answered anything."""


class Connection(asyncio.Protocol):
    """One connection; httptools calls the `on_…` methods back."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.parser: Any = None
        self.waiter: asyncio.Future[Answer] | None = None
        self.parts: list[bytes] = []
        self.size = 0
        self.idle_since = 0.0
        self.used = False
        self.heard = False  # something of the answer under way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    async def ask(self, request: bytes) -> Answer:
        """Send one request and wait for its answer."""
        if self.transport is None or self.transport.is_closing():
            raise StaleConnection
        self.parser, self.parts, self.size, self.heard = httptools.HttpResponseParser(self), [], 0, False
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        try:
            return await self.waiter
        finally:
            self.waiter, self.used = None, True

    def data_received(self, data: bytes) -> None:
        if self.waiter is None:  # nobody asked: what comes must not become the next call's answer
            self.close()
            return
        self.heard = True
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionError(f"not HTTP: {type(error).__name__}"))

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)
        self.size += len(body)
        if self.size > LARGEST:
            self._fail(ConnectionError("the answer is too large"))

    def on_message_begin(self) -> None:
        if self.waiter is not None and self.waiter.done():
            self.close()  # a second answer to one request

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        if status < HTTPStatus.OK:  # like 103 Early Hints: the answer is still to come
            return
        if not self.parser.should_keep_alive():
            self.close()
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(Answer(status, b"".join(self.parts)))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionResetError("closed in the middle of an answer") if self.heard else StaleConnection())

    def _fail(self, error: Exception) -> None:
        self.close()
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    @property
    def usable(self) -> bool:
        fresh = time.monotonic() - self.idle_since < IDLE
        return self.transport is not None and not self.transport.is_closing() and fresh


@cache
def _tls() -> ssl.SSLContext:
    """Reading the machine's certificates takes longer than a call."""
    return ssl.create_default_context()


@dataclass(slots=True)
class Pool:
    """Connections to one base URL. Any failure is an OSError (TimeoutError is one)."""

    base: str
    _idle: deque[Connection] = field(default_factory=deque)

    async def post(self, path: str, body: bytes, headers: Headers, deadline: float) -> Answer:
        """One POST, answered within `deadline` seconds or a TimeoutError."""
        request = self._request(path, body, headers)
        async with asyncio.timeout(deadline):
            connection = await self._connection()
            reused = connection.used
            try:
                answer = await self._asked(connection, request)
            except StaleConnection:
                if not reused:  # a server that hangs up on a new connection is not asked twice
                    raise
                connection = await self._connect()
                answer = await self._asked(connection, request)
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        return answer

    async def _asked(self, connection: Connection, request: bytes) -> Answer:
        """An answer still under way when the call ends must not become the next call's."""
        try:
            return await connection.ask(request)
        except BaseException:
            connection.close()
            raise

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return await self._connect()

    async def _connect(self) -> Connection:
        url = urlsplit(self.base)
        tls = _tls() if url.scheme == "https" else None
        port = url.port or (443 if tls else 80)
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, url.hostname or "localhost", port, ssl=tls
        )
        return connection

    def _request(self, path: str, body: bytes, headers: Headers) -> bytes:
        url = urlsplit(self.base)
        sent = b"".join(b"%s: %s\r\n" % header for header in headers)
        start = f"POST {url.path.rstrip('/')}{path} HTTP/1.1\r\nhost: {url.netloc}\r\n".encode()
        form = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
        return b"%s%s%s\r\n%s" % (start, form, sent, body)

    def close(self) -> None:
        """Let go of the idle connections."""
        while self._idle:
            self._idle.pop().close()
