"""The raw client against a real server on a socket that does what servers do, and what they should not."""

from __future__ import annotations

import asyncio

import pytest
from oo_serving.connection_pool import ConnectionPool


def reply(body, *headers, status=b"200 OK"):
    head = b"\r\n".join([b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers])
    return head + b"\r\n\r\n" + body


async def post(pool, body=b"{}", deadline=20.0):
    return (await pool.post("/v2/models/m/infer", body, [(b"x-request-id", b"r-1")], deadline)).body


async def test_calls_share_a_connection_and_name_their_host(scripted):
    async with scripted([reply(b"one")], [reply(b"two")]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")

        answers = [await post(pool), await post(pool)]

    assert (answers, server.connections) == ([b"one", b"two"], 1)
    assert f"host: 127.0.0.1:{server.port}\r\n".encode() in server.requests[0][0]
    assert b"x-request-id: r-1\r\n" in server.requests[0][0]
    pool.close()


async def test_a_connection_that_went_stale_is_replaced_once(scripted):
    async with scripted([reply(b"one")], ["hang up"], [reply(b"two")]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")

        answers = [await post(pool), await post(pool)]

    assert (answers, server.connections) == ([b"one", b"two"], 2)
    pool.close()


async def test_a_server_that_hangs_up_on_a_new_connection_is_not_asked_twice(scripted):
    async with scripted(["hang up"], [reply(b"never")]) as server:
        with pytest.raises(OSError):
            await post(ConnectionPool(f"http://127.0.0.1:{server.port}"))

    assert len(server.requests) == 1


async def test_a_server_that_hangs_up_in_its_answer_is_not_asked_twice(scripted):
    started = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"
    async with scripted([reply(b"one")], [started, "hang up"], [reply(b"never")]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")
        await post(pool)

        with pytest.raises(ConnectionResetError):
            await post(pool)

    assert len(server.requests) == 2


async def test_the_deadline_holds_while_an_answer_drips(scripted):
    drips = [b"HTTP/1.1 200 OK\r\n", *[0.05, b"x: y\r\n"] * 100]
    async with scripted(drips) as server:
        with pytest.raises(TimeoutError):
            await post(ConnectionPool(f"http://127.0.0.1:{server.port}"), deadline=0.2)


async def test_a_late_answer_never_becomes_the_next_calls(scripted):
    async with scripted([1.0, reply(b"late")], [reply(b"right")]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")
        with pytest.raises(TimeoutError):
            await post(pool, deadline=0.5)  # enough to have asked
        await asyncio.sleep(0.7)

        assert await post(pool) == b"right"
    pool.close()


async def test_a_second_answer_to_one_request_is_thrown_away(scripted):
    async with scripted([reply(b"one") + reply(b"forged")], [reply(b"two")]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")

        answers = [await post(pool), await post(pool)]

    assert answers == [b"one", b"two"]
    pool.close()


async def test_bytes_that_nobody_asked_for_are_thrown_away(scripted):
    async with scripted([reply(b"one"), 0.05, reply(b"forged"), 0.05], [reply(b"two")]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")
        first = await post(pool)
        await asyncio.sleep(0.5)

        assert (first, await post(pool)) == (b"one", b"two")
    pool.close()


async def test_early_hints_are_not_the_answer(scripted):
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    async with scripted([hints, 0.02, reply(b"one")]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")

        assert await post(pool) == b"one"
    pool.close()


async def test_a_chunked_answer_is_put_together(scripted):
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n"
    async with scripted([chunked, 0.02, b"3\r\ntwo\r\n0\r\n\r\n"]) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")

        assert await post(pool) == b"onetwo"
    pool.close()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", id="upgrade"),
        pytest.param(reply(b"x" * (9 << 20)), id="too large"),
    ],
)
async def test_what_is_no_answer_is_an_os_error(scripted, script):
    async with scripted([script, "hang up"]) as server:
        with pytest.raises(OSError):
            await post(ConnectionPool(f"http://127.0.0.1:{server.port}"))


async def test_calls_at_once_get_each_their_own_answer(scripted):
    scripts = [[0.01, reply(b"%d" % place)] for place in range(50)]
    async with scripted(*scripts) as server:
        pool = ConnectionPool(f"http://127.0.0.1:{server.port}")

        answers = await asyncio.gather(*(post(pool) for _ in range(50)))

    assert sorted(answers, key=int) == [b"%d" % place for place in range(50)]
    pool.close()


async def test_nobody_listening_is_an_os_error_at_once(unused_tcp_port):
    with pytest.raises(OSError):
        await post(ConnectionPool(f"http://127.0.0.1:{unused_tcp_port}"))
