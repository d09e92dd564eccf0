"""HTTP calls as nobody should send them: generators over routes, headers and bodies, and a client that sends them as
they are. A value that JSON cannot be made of, like 1e400 or half a character, is a text with a mark that becomes it."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import strategies as st
from oo_features.feature_sets import RANKER_V1

__all__ = ["PATHS", "Call", "Reply", "calls", "raw_calls", "send", "send_raw"]

MODEL, WIDTH = "tip-ranker", len(RANKER_V1.names)
SCORE, GENERATE = "/score", "/generate"
V1, V2 = f"/v1/models/{MODEL}:predict", f"/v2/models/{MODEL}/infer"
LISTED = [
    *(SCORE, GENERATE, "/healthz/live", "/healthz/ready", "/metrics", V1, V2, "/v1/models", f"/v1/models/{MODEL}"),
    *("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models", f"/v2/models/{MODEL}", f"/v2/models/{MODEL}/ready"),
]
UNLISTED = [
    *(f"/v1/models/{MODEL}:explain", "/v1/models/other:predict", f"/v2/models/{MODEL}/versions/9/infer"),
    *(f"/v2/models/{MODEL}/versions/1", f"/v2/models/{MODEL}/versions/1/ready", "/v2/models/other/infer"),
    *(f"/v2/repository/models/{MODEL}/unload", f"/v2/repository/models/{MODEL}/load", "/v2/repository/index"),
    *(
        "/",
        "/docs",
        "/openapi.json",
        "/redoc",
        "/openai/v1/chat/completions",
        "/v1/chat/completions",
        "/ui/",
        "/routes",
    ),
    *("/sso/key/generate", "/health/liveliness", "/health", "/key/generate", "/v1/timeseries/forecast"),
]
PATHS = LISTED + UNLISTED
MARKS = {
    "@1e400": "1e400",
    "@-1e400": "-1e400",
    "@NaN": "NaN",
    "@big": "9" * 400,
    "@bits": "18446744073709551616",
    "@high": '"\\ud83d"',
    "@low": '"a\\udc00b"',
    "@nul": '"a\\u0000b"',
    "@deep": "[" * 3_000 + "]" * 3_000,
    "@deeper": '{"a":' * 3_000 + "1" + "}" * 3_000,
    "@twice": '{"id": 1, "id": "t-1", "user_id": "u", "user_id": null}',
    "@long": '"' + "x" * 20_000 + '"',
    "@line": '"a\\r\\nx-litellm-num-retries: 9"',
}
KEYS = [
    *("user_id", "request_id", "timezone", "tasks", "candidates", "candidate", "baseline", "profile_features"),
    *("profile_computed_at", "prompt_version", "candidate_propensity", "id", "content", "priority", "due", "date"),
    *("datetime", "labels", "added_at", "created_at", "checked", "is_completed", "kind", "task_id", "eligible"),
    *("instances", "inputs", "outputs", "parameters", "name", "shape", "datatype", "data", "feature_set", "columns"),
    *("completion_rate_30d", "preferred_hour", "binary_data_size", "messages", "model"),
]
MAX_SHOWN = 2_000  # bytes of a body in a failure's text
ZONES = ["UTC", "Europe/Berlin", "Mars", "../../etc/passwd", "GMT +3:00", "localtime", "posixrules", "\x00"]
INSTANTS = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2026-11-23", "2026-02-31", "noon", ""]


@dataclass(frozen=True, repr=False)
class Call:
    """One request to one process, `part`."""

    part: str
    method: str
    path: str
    headers: dict[str, bytes]
    body: bytes

    def __repr__(self):
        """Short enough for Hypothesis, which writes down each example; the same run makes the same body again."""
        shown = (
            self.body if len(self.body) <= MAX_SHOWN else self.body[:MAX_SHOWN] + b"... of %d bytes" % len(self.body)
        )
        return f"Call({self.part!r}, {self.method!r}, {self.path[:MAX_SHOWN]!r}, {self.headers!r}, {shown!r})"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


leaves = st.one_of(
    st.sampled_from([*MARKS]),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        [*ZONES, *INSTANTS, "u-1", "t-1", "t-2", "c-1", "v1", "v9", "auto", "task", "tip", "FP32", "BYTES"]
    ),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=15,
)


def weighted(*strategies):
    """One of these, each as often as it is named; `one_of` would take it once."""
    return st.sampled_from(strategies).flatmap(lambda strategy: strategy)


def odd(good):
    """Mostly what is meant, sometimes anything."""
    return weighted(*[good] * 9, values)


tasks = st.fixed_dictionaries(
    {"id": odd(st.sampled_from(["t-1", "t-2", "t-3"]))},
    optional={
        "content": odd(st.text(max_size=30)),
        "priority": odd(st.integers(0, 5)),
        "due": odd(st.fixed_dictionaries({"date": odd(st.dates().map(str))})),
        "labels": odd(st.lists(st.text(max_size=5), max_size=3)),
        "added_at": odd(st.datetimes(timezones=st.timezones()).map(str)),
        "parent_id": leaves,
        "checked": leaves,
    },
)
candidates = st.fixed_dictionaries(
    {"id": odd(st.sampled_from(["c-1", "c-2"]))},
    optional={"kind": odd(st.sampled_from(["task", "tip", "none"])), "task_id": leaves, "eligible": leaves},
)
scores = st.fixed_dictionaries(
    {"user_id": odd(st.sampled_from(["u-1", "u-2", "Müller 任务"]))},
    optional={
        "request_id": odd(st.text(min_size=1, max_size=20)),
        "tasks": odd(st.lists(tasks, max_size=4)),
        "candidates": odd(st.lists(candidates, max_size=3)),
        "timezone": odd(st.sampled_from(ZONES)),
        "profile_features": odd(st.dictionaries(st.sampled_from(KEYS), leaves, max_size=4)),
        "profile_computed_at": odd(st.sampled_from(INSTANTS)),
        "baseline": leaves,
    },
)
# Nearly all of these are refused: each that is not asks a language model, which takes its time.
generations = scores.flatmap(
    lambda body: st.fixed_dictionaries({**{k: st.just(v) for k, v in body.items()}, "x": values})
)
tensors = st.fixed_dictionaries(
    {
        "name": odd(st.just("rows")),
        "shape": odd(st.lists(st.integers(-1, 50), max_size=3)),
        "datatype": odd(st.sampled_from(["FP32", "FP64", "BYTES", "INT8"])),
        "data": odd(st.lists(leaves, max_size=30)),
    }
)
number = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([*MARKS])
rows = st.builds(
    lambda count, value: {"name": "rows", "shape": [count, WIDTH], "datatype": "FP32", "data": [value] * count * WIDTH},
    *(st.integers(1, 3), number),
)
documents = st.lists(scores, max_size=3).map(
    lambda found: {
        "name": "bodies",
        "shape": [len(found)],
        "datatype": "BYTES",
        "data": [rendered(body).decode() for body in found],
    }
)
instances = weighted(st.lists(scores, max_size=3), number.map(lambda value: [[value] * WIDTH] * 2), values)
bodies = {
    SCORE: odd(scores),
    GENERATE: odd(generations),
    V1: odd(st.fixed_dictionaries({"instances": instances})),
    V2: odd(
        st.fixed_dictionaries(
            {"inputs": odd(st.lists(weighted(tensors, rows, documents), min_size=1, max_size=2))},
            optional={"id": leaves, "parameters": odd(st.dictionaries(st.sampled_from(KEYS), leaves, max_size=3))},
        )
    ),
}


def rendered(value) -> bytes:
    """JSON with its marks replaced; what is not Unicode is spelt as JSON spells it."""
    text = json.dumps(value)
    for mark, meant in MARKS.items():
        text = text.replace(f'"{mark}"', meant)
    return text.encode()


def body_of(path):
    json_bodies = bodies.get(path, values).map(rendered)
    packed = json_bodies.map(lambda body: b"\xef\xbb\xbf" + body) | json_bodies.map(lambda body: body[:-1])
    return weighted(*[json_bodies] * 9, packed, st.binary(max_size=60), st.just(b""))


visible = st.text(
    alphabet=st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=40
)
header_values = visible.map(lambda text: text.encode("latin-1"))
JSON = {"content-type": b"application/json"}
KINDS = [
    *(
        b"application/json",
        b"text/plain",
        b"",
        b"application/json; charset=utf-16",
        b"application/octet-stream",
        b"\xff",
    ),
    *(b"application/cloudevents+json", b"multipart/form-data", b"application/x-ndjson"),
]
hostile_headers = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(KINDS),
        "x-request-id": header_values,
        "traceparent": header_values,
        "authorization": header_values,
        "accept": header_values,
        "inference-header-content-length": st.sampled_from([b"999", b"-1", b"0", b"x", b"1e400", b"2"]),
        "content-encoding": st.sampled_from([b"gzip", b"br", b"identity", b"deflate, gzip"]),
        "ce-id": st.just(b"1"),
        "ce-specversion": st.just(b"1.0"),
        "ce-type": header_values,
        "upgrade": st.sampled_from([b"websocket", b"h2c"]),
        "range": st.just(b"bytes=0-"),
    },
)
headers = weighted(st.just(JSON), st.just(JSON), hostile_headers.map(lambda found: JSON | found))
escaped = st.text(max_size=20).map(lambda text: "/" + "".join(f"%{byte:02x}" for byte in text.encode(errors="replace")))
changed = st.tuples(st.sampled_from(PATHS), st.sampled_from(["/", "?x=1", "%00", "/../", "%0d%0aforged", ";a=b"]))
hot, listed, known = map(st.sampled_from, ([SCORE, V1, V2], LISTED, PATHS))
paths = weighted(hot, hot, hot, listed, known, changed.map("".join), escaped)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])


def calls(parts):
    """Calls of these processes; most by the method that the path is there for."""

    def with_path(path):
        usual = st.just("POST" if path in bodies else "GET")
        method = weighted(*[usual] * 9, methods)
        values = st.tuples(st.sampled_from(parts), method, st.just(path), headers, body_of(path))
        return values.map(lambda said: Call(*said))  # `builds` would show the whole body of a failing call

    return paths.flatmap(with_path)


RAW_STARTS = [
    *(b"POST /score HTTP/1.1", b"GET /healthz/ready HTTP/1.0", b"POST /score HTTP/9.9", b"FOO / HTTP/1.1"),
    *(b"GET http://x/score HTTP/1.1", b"POST  /score", b"GET /\x00 HTTP/1.1", b"PRI * HTTP/2.0"),
]
RAW_HEADERS = [
    *(b"content-length: 5", b"content-length: -5", b"content-length: x", b"transfer-encoding: chunked"),
    *(b"transfer-encoding: nonsense", b": no name", b"x y: z", b"a: b\x00", b" folded", b"expect: 100-continue"),
    *(b"connection: upgrade", b"upgrade: websocket", b"content-type: application/json"),
]
RAW_BODIES = [b"", b"{}", b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"ffffffffffffffff\r\n", b'{"user_id": "u"}']
raw_calls = st.one_of(
    st.binary(min_size=1, max_size=200),
    st.builds(
        lambda line, lines, body: b"\r\n".join([line, b"host: x", *lines, b"", body]),
        st.sampled_from(RAW_STARTS),
        st.lists(st.sampled_from(RAW_HEADERS), max_size=4),
        st.sampled_from(RAW_BODIES),
    ),
)


class Connection(http.client.HTTPConnection):
    """Sends any path and any header value."""

    def _validate_path(self, url):
        pass


def send(port: int, call: Call) -> Reply:
    """One call on a connection of its own."""
    connection = Connection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest(call.method, call.path, skip_accept_encoding=True)
        for name, value in call.headers.items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(call.body)))
        with suppress(BrokenPipeError, ConnectionResetError):  # it was refused before it was sent: the answer says so
            connection.endheaders(call.body)
        reply = connection.getresponse()
        found = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, found, reply.read())
    finally:
        connection.close()


def send_raw(port: int, data: bytes) -> bytes:
    """Bytes, and what came back until the other side closed or said no more for a moment."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.settimeout(0.25)
        try:
            connection.sendall(data)
            while part := connection.recv(65_536):
                received += part
        except OSError:  # it waits for more, or hung up: both are answers
            pass
    return received
