"""One event that one reader cannot take stops nobody, and a reader that gets no further says so."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial

import nats
import pytest
from example_events import NOON, a_decision, a_feedback, a_signal
from oo_consumers import metrics
from oo_consumers.__main__ import EffectsJob
from oo_consumers.beliefs import fold
from oo_consumers.beliefs.__main__ import BeliefsJob
from oo_consumers.beliefs.belief_writer import BeliefWriter
from oo_consumers.beliefs.fold import Fold
from oo_consumers.effect_store import StoreUnavailable
from oo_consumers.lake.__main__ import LakeJob
from oo_consumers.lake.delta import Lake, LakeUnavailable
from oo_consumers.lake.lake_writer import LakeWriter
from oo_consumers.lake.tables import TABLES
from oo_consumers.progress import ReaderProgress
from oo_consumers.settings import ConsumerSettings
from oo_consumers.subscription import SUBSCRIPTIONS
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_contracts.score import ExperimentInfo
from waiting import eventually

DECISIONS = next(table for table in TABLES if table.name == "decisions")
on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
pytestmark = pytest.mark.real


def probe(port):
    """The status of `/healthz/ready` and what it says."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz/ready", timeout=5) as reply:
            return reply.status, json.load(reply)["status"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["status"]
    except OSError:
        return 0, ""


def lag():
    return metrics.LAKE_LAG.labels("decisions")._value.get()


def message(fact, subject="decisions.score"):
    return subject, fact.encode(), {"Nats-Msg-Id": fact.event_id}


async def became(true, seconds=20.0):
    """Whether it becomes true; the loop goes on meanwhile."""
    end = asyncio.get_running_loop().time() + seconds
    while not (found := true()) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
    return found


class Running:
    """A reader in this process, until the block is left."""

    def __init__(self, reader, stop):
        self.reader, self.stop = reader, stop

    async def __aenter__(self):
        self.task = asyncio.create_task(self.reader.run())
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        await self.task


def writer(connection, lake, table=DECISIONS):
    stop, progress = asyncio.Event(), ReaderProgress(patience=0)
    return Running(LakeWriter(connection, lake, table, stop, 0.05, 1, progress), stop), progress


def rows(lake):
    return lake.open(DECISIONS).to_pyarrow_table().num_rows


# A process that starts


@on_sqlite
@pytest.mark.parametrize("of", ["effects", "log", "beliefs"])
async def test_a_process_is_not_ready_until_each_of_its_readers_has_begun(connection, server, store_url, tmp_path, of):
    settings = ConsumerSettings(nats_url=server.url, store_url=store_url, lake_every_ms=60_000)
    jobs = {
        "effects": EffectsJob(settings, SUBSCRIPTIONS),
        "log": LakeJob(Lake(str(tmp_path)), settings),
        "beliefs": BeliefsJob(settings, {}),
    }
    job, stop = jobs[of], asyncio.Event()

    await job.open()
    assert job.progress.obstacle.endswith(": has not begun")

    running = asyncio.create_task(job.run(connection, stop))
    assert await became(lambda: job.progress.obstacle is None)
    stop.set()
    await running
    job.close()


# The log


def refusing(*requests):
    """The table of decisions, one of whose columns cannot hold some."""
    kind, of = DECISIONS.columns["user_id"]

    def column(fact):
        if fact.request_id in requests:
            raise OverflowError("date value out of range")
        return of(fact)

    return replace(DECISIONS, columns=DECISIONS.columns | {"user_id": (kind, column)})


async def test_what_is_no_row_is_a_dead_letter_and_the_others_are_rows(connection, server, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    facts = [a_decision(f"r-{number}") for number in range(6)]
    await asyncio.to_thread(server.publish, *map(message, facts), ("decisions.score", b"{}", {}))
    running, progress = writer(connection, lake, refusing("r-2", "r-5"))

    async with running:
        assert await became(lambda: rows(lake) == 4)
        assert await became(lambda: lag() == 0)
        assert progress.obstacle is None

    letters = await asyncio.to_thread(server.dead, "lake-decisions")
    reasons = {letter.data: letter.headers["Oo-Reason"] for letter in letters}
    assert {data for data in reasons if data != b"{}"} == {facts[at].model_dump_json().encode() for at in (2, 5)}
    assert {reasons.pop(b"{}").partition(":")[0]} == {"unreadable"}
    assert set(reasons.values()) == {"no row: OverflowError: date value out of range"}
    assert {letter.headers["Oo-Subject"] for letter in letters} == {"decisions.score"}


async def test_a_log_of_dead_letters_alone_goes_on_too(connection, server, tmp_path):
    """Its position passes them: who starts again does not bury them again."""
    lake = Lake(str(tmp_path / "lake"))
    await asyncio.to_thread(server.publish, *(("decisions.score", b"no %d" % number, {}) for number in range(5)))

    for _ in range(2):
        running, _progress = writer(connection, lake)
        async with running:
            assert await became(lambda: lag() == 0)
            position = partial(lake.position, DECISIONS, await running.reader._stream(connection.jetstream()))
            assert await became(lambda position=position: position() == 5)

    assert len(await asyncio.to_thread(server.dead, "lake-decisions")) == 5


async def test_a_log_that_gets_no_further_is_not_ready_and_its_lag_is_true(connection, server, tmp_path, monkeypatch):
    lake = Lake(str(tmp_path / "lake"))
    await asyncio.to_thread(server.publish, *(message(a_decision(f"r-{number}")) for number in range(7)))

    def away(*_):
        raise LakeUnavailable("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", away)
        running, progress = writer(connection, lake)
        async with running:
            assert await became(lambda: progress.obstacle is not None)
            assert "LakeUnavailable" in progress.obstacle
            assert await became(lambda: lag() == 7)
            await asyncio.to_thread(server.publish, message(a_decision("r-7")))
            assert await became(lambda: lag() == 8)
            patch.undo()
            assert await became(lambda: progress.obstacle is None)
            assert await became(lambda: lag() == 0)

    assert rows(lake) == 8


async def test_the_lag_of_a_table_that_cannot_be_asked_is_unknown(connection, tmp_path, monkeypatch):
    def away(*_):
        raise LakeUnavailable("no such bucket")

    monkeypatch.setattr(Lake, "position", away)
    running, progress = writer(connection, Lake(str(tmp_path / "lake")))

    async with running:
        assert await became(lambda: progress.obstacle is not None)
        assert math.isnan(lag())


# Effects


@pytest.mark.long
@on_sqlite
def test_consumers_without_their_database_are_not_ready(consumers, server, store, store_url):
    port = consumers.environ["OO_CONSUMER_HTTP_PORT"]
    assert eventually(lambda: probe(port)[0] == 200, patience=60)

    with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("begin immediate")
        server.publish(message(a_signal(), "signals.app_opened"))
        assert eventually(lambda: probe(port) == (503, "signals: the database is away"), patience=60)
        other.execute("rollback")

    assert eventually(lambda: probe(port)[0] == 200, patience=60)
    assert store.counts()["signals"] == 1


@pytest.mark.long
@on_sqlite
def test_nor_are_those_without_a_place_for_dead_letters(consumers, server, store):
    """Poison would be lost: it waits, and the lag says so."""
    port = consumers.environ["OO_CONSUMER_HTTP_PORT"]
    assert eventually(lambda: probe(port)[0] == 200, patience=60)
    asyncio.run(limit_dead_letters(server.url, 1))
    server.publish(("signals.app_opened", b"poison" * 10_000, {}))

    assert eventually(lambda: probe(port)[0] == 503, patience=60)
    assert server.unsettled("signals") == 1

    asyncio.run(limit_dead_letters(server.url, -1))
    assert eventually(lambda: probe(port)[0] == 200 and server.unsettled("signals") == 0, patience=60)
    assert len(server.dead("signals")) == 1


async def limit_dead_letters(url, size):
    connection = await nats.connect(url)
    js = connection.jetstream()
    config = (await js.stream_info("DLQ")).config
    await js.update_stream(replace(config, max_msg_size=size))
    await connection.close()


# Beliefs


def taught(number):
    info = ExperimentInfo(key="tone", variant="calm")
    return a_decision(f"r-{number}").model_copy(update={"experiment": info})


def poisonous(monkeypatch):
    sound = fold.observations_of

    def lessons(of):
        if of.request_id == "r-2":
            raise OverflowError("date value out of range")
        return sound(of)

    monkeypatch.setattr(fold, "observations_of", lessons)


@on_sqlite
def test_a_decision_that_teaches_nothing_leaves_the_others_beliefs(store, monkeypatch):
    poisonous(monkeypatch)
    store.record_all("decisions", [taught(number) for number in range(5)])
    store.record_all("feedback", [a_feedback(f"r-{number}", "shown") for number in range(5)])
    folding = Fold({"tone": False})

    for hours in (1, 2):
        beliefs = folding.advance(store, NOON + DEFAULT_REWARDS.wait + timedelta(hours=hours))["tone"]

    assert sum(count for count, _ in beliefs.arms.values()) == 4
    assert {key: refused.reason for key, refused in folding.unlearnable.items()} == {
        "r-2": "OverflowError: date value out of range"
    }


@on_sqlite
async def test_and_becomes_a_dead_letter(connection, server, store, tmp_path, monkeypatch):
    poisonous(monkeypatch)
    store.record_all("decisions", [taught(number) for number in range(5)])
    store.record_all("feedback", [a_feedback(f"r-{number}", "shown") for number in range(5)])
    stop, progress = asyncio.Event(), ReaderProgress()
    keeper = BeliefWriter(connection, store, {}, stop, 0.05, 1, progress)
    keeper._fold = Fold({"tone": False})
    monkeypatch.setattr("oo_consumers.beliefs.belief_writer.experiments_with_beliefs", lambda _: {"tone": False})

    async with Running(keeper, stop):
        assert await became(lambda: metrics.BELIEFS.labels("tone")._value.get() == 4)
        assert await became(lambda: keeper._buried)

    (letter,) = await asyncio.to_thread(server.dead, "beliefs")
    assert letter.data == taught(2).model_dump_json().encode()
    assert letter.headers["Oo-Reason"] == "OverflowError: date value out of range"
    assert progress.obstacle is None


@on_sqlite
async def test_beliefs_without_a_database_are_not_ready(connection, store, monkeypatch):
    """Soon: it rests long after a long pass, but not after one that failed."""
    monkeypatch.setattr("oo_consumers.beliefs.belief_writer.MIN_PAUSE_FACTOR", 1e9)
    monkeypatch.setattr("oo_consumers.beliefs.belief_writer.MAX_PAUSE_AFTER_FAILURE_S", 0.1)
    stop, progress = asyncio.Event(), ReaderProgress(patience=0)
    monkeypatch.setattr("oo_consumers.beliefs.belief_writer.experiments_with_beliefs", lambda _: {"tone": False})

    def away(_):
        raise StoreUnavailable("no route to it")

    monkeypatch.setattr(type(store), "request_counts", away)

    async with Running(BeliefWriter(connection, store, {}, stop, 0.05, 1, progress), stop):
        assert await became(lambda: progress.obstacle is not None)

    assert progress.obstacle == "beliefs: tries again (StoreUnavailable)"
