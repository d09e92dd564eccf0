"""This module is a small HTTP/1.1 client: pooled connections to one host, and a deadline on every call.

On this path it costs a tenth of what a general client does when calls overlap. There is one request at a time on a
connection, and no redirects, cookies or compression. A connection that the server closed while it was idle is replaced
once. Every outgoing request is built in `_head`, which refuses what would end one of its lines.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httptools

__all__ = ["ConnectionPool", "Headers", "UpstreamResponse", "header_value", "is_header_value"]

MAX_IDLE_S = 55.0  # the servers close idle connections after 65
YIELDING_BYTES = 16 << 10  # after a larger part of a request, others have the loop: copying it to the kernel takes long
MAX_RESPONSE_BYTES = 8 << 20  # bytes of an answer
Headers = Iterable[tuple[bytes, bytes]]
VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")
_name = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_value = re.compile(rb"[\t\x20-\x7e\x80-\xff]*").fullmatch  # RFC 9110: no control but the tab
_target = re.compile(rb"[\x21-\x7e]+").fullmatch  # of a request, and a host


JSON: Headers = ((b"content-type", b"application/json"),)


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


def header_value(text: str) -> bytes:
    """Return any text as a header value, in which whatever is not visible ASCII is percent-encoded.

    So different texts stay different.

    >>> header_value("r-1"), header_value("a b\\r\\nx: 1")
    (b'r-1', b'a%20b%0D%0Ax:%201')
    """
    return quote(text, safe=VISIBLE_ASCII, errors="replace").encode("ascii")


def is_header_value(value: bytes) -> bool:
    """Whether bytes can be sent as a header value as they are."""
    return _value(value) is not None


def _head(method: bytes, target: bytes, host: bytes, headers: Headers) -> bytes:
    """Return the request up to its body.

    Raises:
        ValueError: a part would end its line, or is no header; callers make texts fit by `header_value`.
    """
    if not (_name(method) and _target(target) and _target(host)):
        raise ValueError(f"cannot be asked for: {target!r} at {host!r}")
    lines = [b"%s %s HTTP/1.1" % (method, target), b"host: %s" % host]
    for name, value in headers:
        if not (_name(name) and _value(value)):
            raise ValueError(f"cannot be sent as a header: {name!r}")  # its value may be a secret
        lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join([*lines, b"\r\n"])


@cache
def _tls() -> ssl.SSLContext:
    """Return the TLS context, made once: reading the machine's certificates takes longer than a call."""
    return ssl.create_default_context()


@dataclass(slots=True)
class ConnectionPool:
    """Connections to one base URL. Any failure of a call is an OSError (TimeoutError is one)."""

    base: str
    _idle: deque[Connection] = field(default_factory=deque)

    async def post(self, path: str, body: bytes, headers: Headers, deadline: float) -> UpstreamResponse:
        """Send one POST of JSON and return its response.

        Raises:
            OSError: no response came; a TimeoutError when none came within `deadline` seconds.
        """
        return await self.call(b"POST", path, [body], (*JSON, *headers), deadline)

    async def call(
        self, method: bytes, path: str, body: Sequence[bytes], headers: Headers, deadline: float
    ) -> UpstreamResponse:
        """Send one request with a body in parts and return its response.

        Raises:
            OSError: no response came; a TimeoutError when none came within `deadline` seconds.
        """
        request = self._request(method, path, body, headers)
        async with asyncio.timeout(deadline):
            connection = await self._connection()
            reused = connection.used
            try:
                answer = await self._exchange(connection, request)
            except StaleConnection:
                if not reused:  # a server that hangs up on a new connection is not asked twice
                    raise
                connection = await self._connect()
                answer = await self._exchange(connection, request)
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        return answer

    async def _exchange(self, connection: Connection, request: Sequence[bytes]) -> UpstreamResponse:
        """Send a request on a connection, and close it on any failure.

        A late response must not become the next call's.
        """
        try:
            return await connection.send(request)
        except BaseException:
            connection.close()
            raise

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
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

    def _request(self, method: bytes, path: str, body: Sequence[bytes], headers: Headers) -> Sequence[bytes]:
        """Return head and body, joined where there is one part, so that they leave in one packet."""
        url = urlsplit(self.base)
        length = (b"content-length", b"%d" % sum(map(len, body)))
        target = f"{url.path.rstrip('/')}{path}".encode()
        head = _head(method, target, url.netloc.encode(), (length, *headers))
        return [head + body[0]] if len(body) == 1 else [head, *body]

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()
