"""Small calls answered right from the parser: each as by ASGI, in whatever form it comes, and none lost at the end."""

from __future__ import annotations

import asyncio
import contextlib
import gzip

import pytest
import uvicorn
from oo_serving.asgi import FastPathMiddleware
from oo_serving.body import BodyLimits
from oo_serving.fast_path import FastPath
from oo_serving.fast_path_protocol import FastPathProtocol
from oo_serving.problem_response import HTTPProblem, Response, unavailable
from oo_serving.request import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LIMIT = 1_000


class Edge:
    """Echoes bodies, and remembers what came of each call."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.begun = asyncio.Event()
        self.published: list[bytes] = []
        self.unanswered: list[int | None] = []
        self.asgi = 0
        self.in_flight = 0
        self.places = 1_000

    @property
    def is_overloaded(self) -> bool:
        return False

    def admit(self) -> Edge:
        if self.in_flight >= self.places:
            raise HTTPProblem(unavailable("no place"))
        self.in_flight += 1
        return self

    def begin(self) -> None:
        assert self.in_flight

    def end(self) -> None:
        self.in_flight = max(0, self.in_flight - 1)

    async def echo(self, request: Request) -> Response:
        async def publish() -> None:
            self.published.append(request.body)

        return Response(request.body, headers=((b"x-port", b"%d" % request.port),), background=publish)

    async def wait(self, request: Request) -> Response:
        self.begun.set()
        await self.released.wait()
        return await self.echo(request)

    async def fail(self, _: Request) -> Response:
        raise RuntimeError("a fault of ours")

    def note(self, _: Request, reply: Response | None) -> None:
        self.unanswered.append(None if reply is None else reply.status)

    async def app(self, _scope, _receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    @property
    def fast_path(self) -> FastPath:
        routes = {"/echo": {"POST": self.echo}, "/wait": {"POST": self.wait}, "/fail": {"POST": self.fail}}
        return FastPath(routes, BodyLimits(LIMIT), self.note, admission={"/wait": self.admit})

    @contextlib.asynccontextmanager
    async def serving(self, *, direct: bool = True):
        """Serve on loopback and yield the server and its port."""
        middleware = FastPathMiddleware(self.app, self.fast_path, frozenset({"/metrics"}))

        async def counted(scope, receive, send):
            self.asgi += scope["type"] == "http"
            await middleware(scope, receive, send)

        http = FastPathProtocol.factory(self.fast_path) if direct else HttpToolsProtocol
        config = uvicorn.Config(counted, host="127.0.0.1", port=0, http=http, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield server, server.servers[0].sockets[0].getsockname()[1]
        finally:
            self.released.set()
            server.should_exit = True
            await task


def post(path=b"/echo", body=b"{}", *lines, length=None) -> bytes:
    size = b"content-length: %d" % (len(body) if length is None else length)
    head = [b"POST %s HTTP/1.1" % path, b"host: a", b"content-type: application/json", size, *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


async def reply(reader) -> tuple[int, dict[bytes, bytes], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, *lines = head.strip().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    return int(status.split()[1]), headers, await reader.readexactly(int(headers[b"content-length"]))


@contextlib.asynccontextmanager
async def connected(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


CHUNKED = post(body=b"2\r\n{}\r\n0\r\n\r\n").replace(b"content-length: 12", b"transfer-encoding: chunked")
CALLS = {  # the bytes, and whether they take the fast path without ASGI
    "small": (post(), True),
    "empty": (post(body=b""), True),
    "another case": (post().replace(b"content-length", b"Content-Length"), True),
    "of another type": (post().replace(b"application/json", b"text/plain"), True),
    "too large for the limit": (post(body=b"[" + b" " * LIMIT + b"]"), True),
    "a fault of ours": (post(b"/fail"), True),
    "connection: close": (post(b"/echo", b"{}", b"connection: close"), True),
    "large": (post(body=b" " * 20_000), False),
    "packed": (post(b"/echo", gzip.compress(b"{}", mtime=0), b"content-encoding: gzip"), False),
    "expected": (post(b"/echo", b"{}", b"expect: nothing", b"expect: 100-continue"), False),
    "in chunks": (CHUNKED, False),
    "with a query": (post(b"/echo?a=1"), False),
    "with an escape": (post(b"/ech%6f"), False),
    "by HTTP/1.0": (post().replace(b"HTTP/1.1", b"HTTP/1.0"), False),
    "another method": (post().replace(b"POST", b"PUT"), False),
    "nowhere": (post(b"/nowhere"), False),
    "of KServe": (post(b"/metrics").replace(b"POST", b"GET"), False),
    "an upgrade": (post(b"/echo", b"{}", b"connection: upgrade", b"upgrade: h2c"), False),
}


@pytest.mark.parametrize("name", CALLS)
async def test_every_call_is_answered_as_by_asgi(name):
    data, is_direct = CALLS[name]
    seen = []
    for direct in (False, True):
        edge = Edge()
        async with edge.serving(direct=direct) as (_, port), connected(port) as (reader, writer):
            writer.write(data)
            if b"100-continue" in data:
                await reader.readuntil(b"\r\n\r\n")
            status, headers, body = await reply(reader)
            await asyncio.sleep(0.01)
            headers = {key: value for key, value in headers.items() if key not in {b"date", b"x-port"}}
            seen.append((status, headers, body, edge.published, edge.unanswered))

    assert seen[0] == seen[1]
    assert (edge.asgi == 0) is is_direct


async def test_a_handler_sees_the_port_that_a_call_came_in_by():
    async with Edge().serving() as (_, port), connected(port) as (reader, writer):
        writer.write(post())

        assert (await reply(reader))[1][b"x-port"] == b"%d" % port


async def test_a_body_in_parts_and_many_calls_on_one_connection():
    edge = Edge()
    async with edge.serving() as (_, port), connected(port) as (reader, writer):
        for count in range(3):
            body = b"[%d]" % count
            for part in (post(body=body)[:-2], body[-2:]):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02)

            assert (await reply(reader))[2] == body
    assert edge.published == [b"[0]", b"[1]", b"[2]"]
    assert edge.asgi == 0


async def test_calls_that_do_not_wait_for_answers_are_answered_in_their_order():
    edge = Edge()
    async with edge.serving() as (_, port), connected(port) as (reader, writer):
        writer.write(post(b"/wait", b"[1]") + post(body=b"[2]") + post(body=b" " * 900) + post(b"/nowhere"))
        await edge.begun.wait()
        edge.released.set()
        bodies = [(await reply(reader))[2] for _ in range(4)]

    assert bodies[:3] == [b"[1]", b"[2]", b" " * 900]
    assert b"nothing here" in bodies[3]


async def test_what_follows_a_broken_call_is_400_as_ever():
    async with Edge().serving() as (_, port), connected(port) as (reader, writer):
        writer.write(b"POST /echo HTTP/1.1\r\ncontent-length: x\r\n\r\n")

        assert (await reply(reader))[0] == 400


async def test_a_caller_who_leaves_at_once_is_reported_and_costs_nothing():
    edge = Edge()
    async with edge.serving() as (_, port):
        async with connected(port) as (_, writer):
            writer.write(post(b"/wait", b"{}"))
            await edge.begun.wait()
        async with connected(port) as (_, writer):
            writer.write(post(b"/echo", b"{}", length=5))
            await writer.drain()
        await asyncio.sleep(0.05)
        edge.released.set()
        async with connected(port) as (reader, writer):
            writer.write(post())

            assert (await reply(reader))[0] == 200
    assert edge.published == [b"{}", b"{}"]


@pytest.mark.parametrize("half", [False, True])
async def test_a_stop_lets_a_call_in_flight_be_answered(half):
    edge = Edge()
    data = post(b"/wait", b"[7]")
    async with edge.serving() as (server, port), connected(port) as (reader, writer):
        writer.write(data[:-1] if half else data)
        await (asyncio.sleep(0.05) if half else edge.begun.wait())
        server.should_exit = True
        await asyncio.sleep(0.3)
        writer.write(data[-1:] if half else b"")
        await edge.begun.wait()
        edge.released.set()
        _, headers, body = await reply(reader)

        assert body == b"[7]"
        assert headers[b"connection"] == b"close"
        assert await reader.read() == b""
    assert edge.published == [b"[7]"]


async def test_who_does_not_read_does_not_fill_the_memory():
    edge = Edge()
    body = b"[" + b" " * (LIMIT - 2) + b"]"
    async with edge.serving() as (server, port), connected(port) as (_, writer):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    writer.write(post(body=body))
                    await writer.drain()
        (connection,) = server.server_state.connections

        assert connection.transport.get_write_buffer_size() < 200_000


@pytest.mark.parametrize("form", ["small", "in chunks"])
async def test_a_call_without_a_place_is_refused_and_a_place_is_given_back(form):
    edge = Edge()
    edge.places = 1
    data = CALLS[form][0].replace(b"/echo", b"/wait")
    async with edge.serving() as (_, port), connected(port) as (first, first_writer), connected(port) as second:
        first_writer.write(data)
        await edge.begun.wait()
        second[1].write(data + post())
        refused, other = await reply(second[0]), await reply(second[0])
        edge.released.set()
        taken = await reply(first)
        second[1].write(data)
        after = await reply(second[0])

    assert (refused[0], refused[1][b"retry-after"], other[0]) == (503, b"1", 200)
    assert (taken[0], after[0], edge.in_flight) == (200, 200, 0)


async def test_a_caller_who_leaves_gives_its_place_back():
    edge = Edge()
    async with edge.serving() as (_, port):
        async with connected(port) as (_, writer):
            writer.write(post(b"/wait"))
            await edge.begun.wait()
        edge.released.set()
        await asyncio.sleep(0.05)

        assert edge.in_flight == 0
