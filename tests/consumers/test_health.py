"""The probes' port, spoken to by whoever finds it."""

from __future__ import annotations

import asyncio

import pytest
from oo_consumers.health import Health


async def answers(missing, *said):
    """What is answered to each of these, on connections of their own."""
    server = await Health(lambda: missing).serve("127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    heard = [await spoken(port, line) for line in said]
    server.close()
    await server.wait_closed()
    return heard


async def spoken(port, said):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:  # a reset, or a broken pipe: as much as it had read by then
        return b"reset"
    finally:
        writer.close()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x16\x03\x01\x02\x00\r\n\r\n", id="TLS"),
        pytest.param(b"\r\n\r\n", id="an empty request"),
        pytest.param(b"GET " + b"x" * 100_000, id="too long"),
        pytest.param(b"GET /../etc/passwd HTTP/1.1\r\n\r\n", id="another path"),
        pytest.param(b"GET \xff\x00 HTTP/1.1\r\n\r\n", id="bytes"),
    ],
)
async def test_whatever_somebody_says_the_next_probe_is_answered(said):
    heard, then = await answers(None, said, b"GET /healthz/live HTTP/1.1\r\n\r\n")

    assert b"200 OK" not in heard
    assert then.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_it_is_ready_when_nothing_is_missing_and_says_what_is():
    ready = b"GET /healthz/ready?verbose HTTP/1.1\r\n\r\n"

    (ok,), (away,) = await answers(None, ready), await answers("no NATS", ready)

    assert b"200 OK" in ok
    assert b"503 Service Unavailable" in away
    assert away.endswith(b'{"status":"no NATS"}')


async def test_it_is_alive_whatever_is_missing():
    (heard,) = await answers("no NATS", b"GET /healthz/live HTTP/1.1\r\n\r\n")

    assert b"200 OK" in heard
