"""A process that dies while it answers has not answered: whoever asked goes on, and asks again."""

from __future__ import annotations

import socket
import threading

import pytest
from oo_cli import reader_health
from oo_local import envoy_admin, process, served_versions
from oo_local.layout import Layout

BROKEN = [
    pytest.param(b'HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"stats": [', id="ends within the body"),
    pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{", id="ends within a chunk"),
    pytest.param(b"HTTP/1.1 2", id="ends within the status"),
    pytest.param(b"-ERR\r\n\r\n", id="speaks no HTTP"),
    pytest.param(b"", id="says nothing"),
]


@pytest.fixture
def port(request):
    """Of somebody who says the same to everybody, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=hang_up, args=(server, request.param), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def hang_up(server, said):
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return
        with caller:
            caller.recv(4_096)
            caller.sendall(said)


@pytest.mark.parametrize("port", BROKEN, indirect=True)
def test_a_broken_answer_is_none(port, tmp_path):
    url, layout = f"http://127.0.0.1:{port}", Layout(tmp_path, port)
    at_envoy = Layout(tmp_path, port - (layout.at("envoy-1") - port))

    assert served_versions.read_aliases(url) is None
    assert served_versions.model_metadata(url) is None
    assert envoy_admin.active_calls(at_envoy, ("predictor",)) == 0
    assert not envoy_admin.split_taken_over(at_envoy, "1")
    assert reader_health._answer(port, "/metrics") == (0, "")


@pytest.mark.parametrize("port", BROKEN[2:], indirect=True)
def test_who_gives_no_status_is_not_ready(port):
    assert not process._answers(port, "/healthz/ready")
