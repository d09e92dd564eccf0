"""What a stack stores and consumes: sizes by store, the growth of an event, and a backlog that is waited for."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import nats
import pytest
from oo_bench import event_backlog
from oo_bench.chains.embedded import find_layout
from oo_bench.chains.ours import make_streams
from oo_bench.decision_sample import DecisionSample, last_decision
from oo_bench.event_backlog import NotConsumed, wait_until_consumed
from oo_bench.results import Storage
from oo_bench.storage import event_bytes_per_candidate, stored_bytes
from oo_contracts.subjects import DECISIONS_STREAM, decision_subject
from oo_local.layout import check_ports


def storage_of(candidates, event_bytes):
    return Storage(candidates=candidates, rounds=1, bytes_per_round={}, event_bytes=event_bytes)


def test_an_event_grows_with_each_candidate():
    assert event_bytes_per_candidate([storage_of(50, 3_600), storage_of(10, 1_600)]) == 50
    assert event_bytes_per_candidate([storage_of(10, 1_600)]) is None


def test_a_copy_is_a_decision_of_another_request():
    sample = DecisionSample(b'{"event_id":"e-1","request_id":"r-1","chosen":"c"}', b"e-1", b"r-1")

    request_id, data = sample.copy()

    assert request_id.encode() in data
    assert b"e-1" not in data
    assert data.endswith(b'"chosen":"c"}')
    assert sample.copy()[0] != request_id


def test_all_ports_of_a_layout_are_free(tmp_path):
    check_ports(find_layout(tmp_path))


@pytest.mark.real
async def test_a_backlog_is_waited_for(server, monkeypatch):
    monkeypatch.setattr(event_backlog, "TIMEOUT_S", 0.3)
    await make_streams(server.url)
    connection = await nats.connect(server.url)
    js = connection.jetstream()
    reader = await js.pull_subscribe("", durable="reader", stream=DECISIONS_STREAM.name)
    await js.publish(decision_subject("score"), b'{"event_id":"e-1","request_id":"r-1"}')

    with pytest.raises(NotConsumed, match="1 events"):
        await wait_until_consumed(server.url)
    (message,) = await reader.fetch(1)
    waiting = asyncio.create_task(wait_until_consumed(server.url))
    await message.ack()
    await waiting

    assert (await last_decision(server.url)).request_id == b"r-1"
    await connection.close()


@pytest.mark.real
async def test_sizes_are_by_store(server, tmp_path, monkeypatch):
    layout = find_layout(tmp_path)
    monkeypatch.setattr(type(layout), "nats_url", server.url)
    await make_streams(server.url)
    with closing(sqlite3.connect(tmp_path / "effects.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    (tmp_path / "lake" / "decisions").mkdir(parents=True)
    (tmp_path / "lake" / "decisions" / "part").write_bytes(b"x" * 700)

    empty = await stored_bytes(layout)
    connection = await nats.connect(server.url)
    await connection.jetstream().publish(decision_subject("score"), b"x" * 1_000)
    await connection.close()
    full = await stored_bytes(layout)

    assert empty["NATS"] == 0
    assert full["NATS"] > 1_000
    assert full["offline log"] == 700
    assert full["effect store"] >= 4_096
