"""What a publisher writes into a message's headers holds nothing up, and becomes no header of ours."""

from __future__ import annotations

import socket

import pytest
from example_events import a_signal
from waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)]


def publish_raw(port, subject, headers, data):
    """As a client of one's own would: NATS takes header names that its clients refuse to send."""
    head = b"NATS/1.0\r\n" + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n"
    message = b"HPUB %s %d %d\r\n%s%s\r\n" % (subject, len(head), len(head) + len(data), head, data)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b'CONNECT {"headers": true, "verbose": false}\r\n' + message + b"PING\r\n")
        received = b""
        while b"PONG" not in received:
            assert b"-ERR" not in received
            received += client.recv(4_096)


@pytest.mark.parametrize(
    "header",
    [
        (b"a(b)", b"1"),
        (b'"quoted"', b"1"),
        (b"a/b", b"1"),
        (b"{}", b"1"),
        (b"X-Folded", b"1\nNats-Msg-Id: forged"),
        (b"nats-msg-id", b"forged"),
        (b"Oo-Reason", b"none at all"),
    ],
)
def test_a_dead_letter_is_buried_whatever_its_headers_are_called(server, consumers, store, header):
    server.publish(("signals.app_opened", a_signal(0).model_dump_json().encode(), None))
    publish_raw(server.port, b"signals.app_opened", [header, (b"Traceparent", b"00-1")], b"not json")
    server.publish(("signals.app_opened", a_signal(1).model_dump_json().encode(), None))

    assert eventually(lambda: store.counts()["signals"] == 2)
    assert eventually(lambda: server.dead("signals"))
    (letter,) = server.dead("signals")
    assert letter.headers["Oo-Reason"].startswith("unreadable")
    assert letter.headers["Nats-Msg-Id"] == "signals:SIGNALS:2"
    assert letter.headers["Traceparent"] == "00-1"
    assert eventually(lambda: server.unsettled("signals") == 0)


@pytest.mark.parametrize("status", [b"404", b"500", b""])
def test_a_header_like_the_servers_own_word_is_no_word_of_the_servers(server, consumers, store, status):
    server.publish(("signals.app_opened", a_signal(0).model_dump_json().encode(), None))
    publish_raw(server.port, b"signals.app_opened", [(b"Status", status)], a_signal(1).model_dump_json().encode())

    assert eventually(lambda: store.counts()["signals"] == 2)
    assert eventually(lambda: server.unsettled("signals") == 0)
