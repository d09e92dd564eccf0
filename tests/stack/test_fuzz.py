"""Whatever is sent to any route of any process, directly or through the entry: no 5xx, no traceback, no restart.

Processes: the entry, the split, both transformers, the predictor, LiteLLM behind its gate, the consumers' health. A 503
that says when to come again is an answer of a limit (a full outbox, a full queue, a process that is not ready), and no
fault; it is the only 5xx that is let through, and a small part of the calls.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import hostile_calls
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oo_local.layout import Layout

CALLS = max(5_000, int(os.environ.get("OO_FUZZ_CALLS", "5000")))
PARTS = [
    *["ingress"] * 5,
    *["transformer-1", "transformer-2", "predictor"] * 2,
    *["split", "litellm", "consumers", "lake", "beliefs"],
]
CONSUMERS = {"consumers", "lake", "beliefs"}
RAW_PARTS = ("ingress", "transformer-1", "predictor", "litellm", "consumers")
MAX_BUSY = 0.02  # of all calls, by what a limit may refuse
ASK = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent"}, {"id": "t-2", "content": "Call"}]}
FUZZ = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "phases": (Phase.explicit, Phase.generate),
    "suppress_health_check": list(HealthCheck),
}
pytestmark = [
    pytest.mark.embedded("its processes are called directly, by their ports"),
    pytest.mark.timeout(2_400),
    pytest.mark.long,
]


class Watched:
    """A stack, what its processes wrote since, and who they were."""

    def __init__(self, stack):
        self.stack, self.layout, self.statuses = stack, Layout(Path(stack.data), stack.port), Counter()
        self.sizes = {log: log.stat().st_size for log in self.logs()}
        self.before = self.identities()

    def logs(self):
        return sorted(self.layout.logs.glob("*.log"))

    def identities(self):
        return {item["name"]: (item["pid"], item["restarts"]) for item in self.stack.status()["processes"]}

    def written(self):
        """What was written since, by log; one that was moved aside meanwhile counts whole."""
        for log in self.logs():
            data = log.read_bytes()
            seen = self.sizes.get(log, 0)
            yield log.name, (data[seen:] if len(data) >= seen else data).decode(errors="replace")

    def tracebacks(self):
        return {name: text for name, text in self.written() if "Traceback" in text}


@pytest.fixture(scope="module")
def watched(own_stack):
    watched = Watched(own_stack)
    yield watched
    assert watched.identities() == watched.before, "a process was restarted"
    assert not (found := watched.tracebacks()), "\n".join(found.values())


@settings(max_examples=CALLS, **FUZZ)
@given(call=hostile_calls.calls(PARTS))
def test_no_call_is_a_fault_of_ours(watched, call):
    reply = hostile_calls.send(watched.layout.at(call.part), call)

    watched.statuses[reply.status] += 1
    assert reply.status < 500 or (reply.status == 503 and reply.headers.get("retry-after")), (call, reply)
    if reply.status >= 400 and call.method != "HEAD" and call.part not in CONSUMERS:
        assert reply.headers["content-type"] == "application/problem+json", (call, reply)
        assert not any(word in reply.body for word in (b"Traceback", b"pydantic", b"object at 0x")), (call, reply)


def test_the_calls_were_many_and_of_every_kind(watched):
    total = sum(watched.statuses.values())
    print(dict(watched.statuses))

    assert total >= CALLS
    assert {200, 400, 404, 405, 415, 422} <= set(watched.statuses)
    assert watched.statuses[200] > 0.05 * total
    assert watched.statuses[503] <= MAX_BUSY * total


@settings(max_examples=400, **FUZZ)
@given(part=st.sampled_from(RAW_PARTS), data=hostile_calls.raw_calls)
def test_no_bytes_are_a_fault_of_ours(watched, part, data):
    reply = hostile_calls.send_raw(watched.layout.at(part), data)

    is_busy = b" 503 " in reply[:13] and b"retry-after" in reply
    assert is_busy or not reply.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5")), (part, data, reply)


def test_afterwards_everything_is_as_it_was(watched):
    assert not (found := watched.tracebacks()), "\n".join(found.values())
    assert watched.identities() == watched.before

    reply = watched.stack.post("/score", ASK)
    assert (reply.status_code, reply.json()["degraded"]) == (200, None)
    for part in ("transformer-1", "transformer-2", "predictor"):
        call = hostile_calls.Call(part, "GET", "/v2/models/tip-ranker/ready", {}, b"")
        assert hostile_calls.send(watched.layout.at(part), call).status == 200
