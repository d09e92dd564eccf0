"""Envoy by our files: weights, mirror and their change while calls go on, measured with a real Envoy."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import yaml
from oo_local import envoy
from oo_local.envoy import Split
from oo_local.layout import Layout
from oo_local.programs import Programs
from oo_local.stack import CHART
from waiting import eventually, free_span

INFER = "/v2/models/tip-ranker/infer"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


class Echo(BaseHTTPRequestHandler):
    """Says who it is and which request it saw."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.answer()

    def answer(self):
        self.server.seen.append(self.headers["x-request-id"])
        self.server.paths.append(self.path)
        data = json.dumps({"name": self.server.name}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer()

    def log_message(self, *words):
        pass


def echo(name, port):
    server = ThreadingHTTPServer(("127.0.0.1", port), Echo)
    server.name, server.seen, server.paths, server.daemon_threads = name, [], [], True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def port():
    return free_span()


@pytest.fixture
def world(tmp_path, port):
    """A real Envoy, two transformers, a predictor and a challenger."""
    layout = Layout(tmp_path, port)
    servers = {
        name: echo(name, layout.at(name))
        for name in ("transformer-1", "transformer-2", "predictor", "challenger", "challenger-shadow")
    }
    envoy.write(layout, VALUES, Split())
    file = layout.run / "envoy" / "envoy-1.json"
    command = [Programs(os.environ).envoy, "-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
    process = subprocess.Popen(command)
    url = f"{layout.url('split')}{INFER}"
    assert eventually(lambda: answers(url))
    for server in servers.values():
        server.seen.clear()
    yield layout, servers
    process.terminate()
    process.wait(10)
    for server in servers.values():
        server.shutdown()
        server.server_close()


def answers(url):
    try:
        return httpx.post(url, json={}).status_code == 200
    except httpx.HTTPError:
        return False


def asked(layout, count=400, mark="r"):
    with httpx.Client(base_url=layout.url("split")) as client:
        replies = [client.post(INFER, json={}, headers={"x-request-id": f"{mark}-{n}"}) for n in range(count)]
    return Counter(reply.json()["name"] for reply in replies)


def marked(server, mark):
    """What it saw of some calls: copies of earlier ones may still be on their way."""
    return [request for request in server.seen if request.startswith(mark)]


def values(weight, mirror):
    return {**VALUES, "rollout": {"challenger": {"weight": weight, "mirrorPercent": mirror}}}


def test_without_a_challenger_everything_is_the_champions(world):
    layout, servers = world

    assert asked(layout) == {"predictor": 400}
    assert servers["challenger"].seen == []


@pytest.mark.parametrize("head", [b"", b"host: ml.example\r\n", b"host: ml.example\r\nconnection: keep-alive\r\n"])
@pytest.mark.parametrize("place", ["ingress", "split"])
def test_who_speaks_http_1_0_is_heard(world, place, head):
    layout, _ = world
    path = b"/score" if place == "ingress" else INFER.encode()
    call = b"POST %s HTTP/1.0\r\n%scontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}" % (path, head)

    with socket.create_connection(("127.0.0.1", layout.at(place)), timeout=10) as connection:
        connection.sendall(call)
        answer = connection.recv(1 << 16)

    assert answer.split(b"\r\n")[0].split(b" ")[1] == b"200", answer


def test_the_mirror_copies_each_call_and_no_answer(world):
    layout, servers = world
    envoy.write_split(layout, values(0, 100), Split(challenger="challenger"))
    shadow = servers["challenger-shadow"]
    assert eventually(lambda: asked(layout, 5) and shadow.seen)

    found = asked(layout, mark="copied")

    assert found == {"predictor": 400}
    assert eventually(lambda: len(marked(shadow, "copied")) >= 400)
    assert sorted(marked(shadow, "copied")) == sorted(f"copied-{number}" for number in range(400))


def test_weights_change_while_calls_go_on(world):
    layout, _ = world
    shares = {}
    for weight in (25, 75, 0):
        envoy.write_split(layout, values(weight, 0), Split(challenger="challenger"))
        eventually(lambda wanted=weight: abs(asked(layout, 40)["challenger"] - wanted * 0.4) < 10)
        shares[weight] = asked(layout)["challenger"] / 400

    assert shares[0] == 0
    assert abs(shares[25] - 0.25) < 0.1
    assert abs(shares[75] - 0.75) < 0.1


def test_the_entry_goes_to_transformers_only_on_its_routes(world):
    layout, _ = world
    with httpx.Client(base_url=layout.url("ingress")) as client:
        entries = {path: client.post(path, json={}).status_code for path in ("/score", "/generate", INFER)}
        names = {client.post("/score", json={}).json()["name"] for _ in range(20)}
        other = client.get("/admin")

    assert set(entries.values()) == {200}
    assert names == {"transformer-1", "transformer-2"}
    assert (other.status_code, other.headers["content-type"]) == (404, "application/problem+json")


REPOSITORY = "/v2/repository/models/tip-ranker/unload"
UNLISTED = [
    REPOSITORY,
    "/v2/repository/index",
    f"/score/..{REPOSITORY}",
    f"/v1/..{REPOSITORY}",
    f"/{REPOSITORY}",
    "/v2/repository/models/tip-ranker/%75nload",
    "/v2/models/tip-ranker/..%2f..%2frepository/models/tip-ranker/unload",
    "/v1/models/tip-ranker:explain",
    "/v1/models/other:predict",
    "/v2/models/tip-ranker/versions/9/infer",
    "/v1x/models",
    "/scores",
    "/score/",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/",
]


def status_of(port, path):
    """What a path gets, sent as it is: status and content type."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as client:
        client.request("POST", path, b"{}", {"content-type": "application/json"})
        reply = client.getresponse()
        reply.read()
        return reply.status, reply.headers["content-type"]


@pytest.mark.parametrize("listener", ["ingress", "split"])
def test_what_is_not_listed_ends_at_the_entry_and_at_the_split(world, listener):
    layout, servers = world
    for server in servers.values():
        server.paths.clear()

    found = {path: status_of(layout.at(listener), path) for path in UNLISTED}

    assert set(found.values()) == {(404, "application/problem+json")}, found
    assert not any(path in server.paths for server in servers.values() for path in UNLISTED)


@pytest.mark.parametrize("coding", [b"nonsense", b"chunked, chunked", b"gzip"])
def test_a_coding_of_the_body_that_nobody_knows_is_the_callers_error(world, coding):
    layout, _ = world

    with socket.create_connection(("127.0.0.1", layout.at("ingress")), timeout=10) as client:
        client.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: %s\r\n\r\n" % coding)
        reply = client.recv(4_096)

    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in reply


def test_one_transformer_may_go(world):
    layout, servers = world
    servers["transformer-1"].shutdown()
    servers["transformer-1"].server_close()

    with httpx.Client(base_url=layout.url("ingress")) as client:
        replies = [client.post("/score", json={}) for _ in range(50)]

    assert {reply.status_code for reply in replies} == {200}


def test_no_transformer_is_a_503_that_says_when_to_come_again(world):
    layout, servers = world
    for name in ("transformer-1", "transformer-2"):
        servers[name].shutdown()
        servers[name].server_close()

    reply = httpx.post(f"{layout.url('ingress')}/score", json={})

    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert reply.headers["content-type"] == "application/problem+json"
