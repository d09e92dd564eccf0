"""The offline log: each event once, whoever dies, whoever else writes, whatever comes twice."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import CommitFailedError
from example_events import NOON, a_decision, a_feedback, a_signal
from nats.aio.client import Client
from oo_consumers import metrics
from oo_consumers.lake.delta import BadLake, ConcurrentAppend, Lake, LakeUnavailable
from oo_consumers.lake.lake_writer import LakeWriter
from oo_consumers.lake.tables import TABLES, StreamEvent
from oo_contracts.events import ScoreDecision
from waiting import eventually, free_port, listens

DECISIONS, GENERATIONS, REACTIONS, SIGNALS, PREDICTIONS = TABLES
STREAM = "DECISIONS@2026-11-01T00:00:00.000000Z"
KILLS = 100


def placed(sequence, fact=None):
    fact = fact or a_decision(f"r-{sequence}", minutes=sequence)
    return StreamEvent(sequence, NOON, fact, fact.encode().decode())


def asked(lake, query, table=DECISIONS):
    """Rows of a query over one table, called t."""
    found = QueryBuilder().register("t", DeltaTable(lake.table_url(table.name))).execute(query)
    return [row for batch in found for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)]


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake"))


# One batch


def test_the_same_batch_twice_leaves_one(lake):
    batch = [placed(sequence) for sequence in range(1, 6)]

    assert [lake.append(DECISIONS, STREAM, batch) for _ in range(2)] == [5, 0]

    assert asked(lake, "select sequence from t order by sequence") == [(n,) for n in range(1, 6)]
    assert lake.position(DECISIONS, STREAM) == 5


def test_a_batch_that_is_there_in_part_gets_its_rest(lake):
    lake.append(DECISIONS, STREAM, [placed(1), placed(2)])

    assert lake.append(DECISIONS, STREAM, [placed(2), placed(3)]) == 1

    assert asked(lake, "select sequence from t order by sequence") == [(1,), (2,), (3,)]


def test_a_stream_made_again_counts_from_one_again(lake):
    lake.append(DECISIONS, STREAM, [placed(7)])

    assert lake.append(DECISIONS, "DECISIONS@2026-11-30T00:00:00.000000Z", [placed(1)]) == 1


def test_of_two_writers_of_one_batch_one_fails(lake, monkeypatch):
    """Both have looked before either wrote."""
    lake.append(DECISIONS, STREAM, [placed(1)])
    stale = lake.open(DECISIONS)
    lake.append(DECISIONS, STREAM, [placed(2)])
    monkeypatch.setattr(Lake, "open", lambda *_: stale)

    with pytest.raises(ConcurrentAppend):
        lake.append(DECISIONS, STREAM, [placed(2), placed(3)])

    monkeypatch.undo()
    assert asked(lake, "select sequence from t order by sequence") == [(1,), (2,)]


def test_an_event_in_columns_has_the_columns_of_one_in_rows(lake):
    decision = a_decision("r-1").in_columns()
    lake.append(DECISIONS, STREAM, [placed(1), placed(2, decision)])

    names = "request_id, user_id, chosen_id, propensity, model_version, policy_name"
    first, second = asked(lake, f"select {names} from t order by sequence")  # noqa: S608  # ours
    ((event,),) = asked(lake, "select event from t where sequence = 2")

    assert first == second
    assert ScoreDecision.read_stored(event) == decision
    assert event == decision.encode().decode()


@pytest.mark.parametrize("decision", [a_decision("r-1"), a_decision("r-1").in_columns()])
def test_a_summary_has_all_columns_of_a_decision(decision):
    whole, summary = (
        StreamEvent(1, NOON, kind.read(decision.encode()), "") for kind in (DECISIONS.event_type, DECISIONS.read_type)
    )

    assert type(whole.fact) is not type(summary.fact)
    assert list(DECISIONS.rows(STREAM, [summary])) == list(DECISIONS.rows(STREAM, [whole]))


def test_columns_and_partition_are_those_of_the_event(lake):
    late = datetime(2026, 11, 23, 23, 59, 59, 999_999, tzinfo=UTC)
    fact = a_decision("r-1").model_copy(update={"decided_at": late.astimezone(timezone(timedelta(hours=5)))})
    lake.append(DECISIONS, STREAM, [placed(1, fact)])

    names = "decided_at, created_timestamp, day, request_id, chosen_id, propensity, model_version, variant, event"
    (row,) = asked(lake, f"select {names} from t")  # noqa: S608  # ours

    assert row == (late, NOON, date(2026, 11, 23), "r-1", "c-1", 1.0, "1", None, fact.model_dump_json())
    assert [item["day"] for item in lake.open(DECISIONS).partitions()] == ["2026-11-23"]


def test_every_kind_of_event_has_a_table_with_its_docs(lake):
    lake.append(REACTIONS, "F", [placed(1, a_feedback())])
    lake.append(SIGNALS, "S", [placed(1, a_signal())])

    assert asked(lake, "select reaction, candidate_id from t", REACTIONS) == [("completed", "c-1")]
    assert asked(lake, "select type, user_id from t", SIGNALS) == [("app_opened", "u-1")]
    for table in TABLES:
        assert lake.open(table).metadata().partition_columns == ["day"]
        assert lake.open(table).metadata().description == table.event_type.__doc__


def test_a_quiet_table_says_what_it_has_passed(lake):
    lake.append(GENERATIONS, STREAM, (), 40_000)

    assert (lake.position(GENERATIONS, STREAM), asked(lake, "select * from t", GENERATIONS)) == (40_000, [])


# Compaction


def test_compaction_changes_files_and_nothing_else(lake):
    for sequence in range(1, 31):
        lake.append(DECISIONS, STREAM, [placed(sequence, a_decision(f"r-{sequence}"))])
    before = sorted(asked(lake, "select * from t"))

    done = lake.compact(DECISIONS)

    assert (done["files_before"], done["files_after"]) == (30, 1)
    assert sorted(asked(lake, "select * from t")) == before
    assert lake.append(DECISIONS, STREAM, [placed(30), placed(31)]) == 1


def test_files_of_a_killed_writer_are_vacuumed_and_no_others(lake, tmp_path):
    lake.append(DECISIONS, STREAM, [placed(1)])
    orphan = next((tmp_path / "lake" / "decisions").glob("day=*/*.parquet")).with_name("part-0-orphan.parquet")
    orphan.write_bytes(b"half a file")

    assert lake.compact(DECISIONS)["vacuumed"] == 0  # somebody may be writing it now
    assert lake.compact(DECISIONS, timedelta(0))["vacuumed"] == 1
    assert (orphan.exists(), asked(lake, "select sequence from t")) == (False, [(1,)])


def test_compaction_beside_a_writer_loses_nothing(lake):
    stopping = threading.Event()

    def compacting():
        while not stopping.is_set():
            try:
                lake.compact(DECISIONS)
            except LakeUnavailable as error:  # both rewrote a file: this one tries again
                assert isinstance(error.__cause__, CommitFailedError)  # noqa: PT017

    lake.append(DECISIONS, STREAM, [placed(1)])
    beside = threading.Thread(target=compacting)
    beside.start()
    for sequence in range(2, 80):
        lake.append(DECISIONS, STREAM, [placed(sequence)])
    stopping.set()
    beside.join(30)

    assert asked(lake, "select sequence from t order by sequence") == [(n,) for n in range(1, 80)]


# From the stream


class Process:
    """The writer as a process of its own."""

    def __init__(self, nats_url, lake):
        self.port = free_port()
        self.environ = os.environ | {
            "OO_CONSUMER_NATS_URL": nats_url,
            "OO_CONSUMER_LAKE_URL": lake.url,
            "OO_CONSUMER_LAKE_EVERY_MS": "20",
            "OO_CONSUMER_HTTP_PORT": str(self.port),
            "OO_CONSUMER_HOST": "127.0.0.1",
        }
        self.process = None

    def start(self, *words):
        command = [sys.executable, "-P", "-m", "oo_consumers.lake", *words]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, env=self.environ, **quiet)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(20)


@pytest.fixture
def process(server, lake):
    server.publish()  # makes the streams
    process = Process(server.url, lake)
    yield process
    if process.process and process.process.poll() is None:
        process.stop(signal.SIGKILL)


def message(fact, subject, msg_id=None):
    return subject, fact.encode(), {"Nats-Msg-Id": msg_id or fact.event_id}


def count(lake, table):
    try:
        return asked(lake, "select count(*) from t", table)[0][0]
    except Exception:  # noqa: BLE001  # there is no table yet
        return 0


def test_events_of_every_kind_land_and_a_stop_is_clean(server, lake, process):
    process.start()
    server.publish(message(a_decision(), "decisions.score"), message(a_feedback(), "feedback.completed"),
                   message(a_signal(), "signals.app_opened"), ("decisions.score", b"no event", {}))  # fmt: skip

    assert eventually(lambda: all(count(lake, table) == 1 for table in (DECISIONS, REACTIONS, SIGNALS)))
    assert process.stop() == 0
    (event,) = asked(lake, "select event from t")[0]
    assert event == a_decision().model_dump_json()


def test_a_header_like_the_servers_own_word_keeps_no_event_from_the_log(server, lake, process):
    process.start()
    subject, data, headers = message(a_signal(1), "signals.app_opened")
    server.publish((subject, data, headers | {"Status": "404"}), message(a_signal(2), "signals.app_opened"))

    assert eventually(lambda: count(lake, SIGNALS) == 2)


def whole(lake, table):
    """As a dead writer left it: every event up to the last one, and a position that says just that."""
    if not DeltaTable.is_deltatable(lake.table_url(table.name)):
        return True
    query = "select count(*), count(distinct sequence), coalesce(max(sequence), 0), max(stream) from t"
    ((many, sequences, last, stream),) = asked(lake, query, table)
    return many == sequences == last == lake.position(table, stream or STREAM)


def files(lake):
    return set(Path(lake.url).glob("*/day=*/*.parquet"))


def transactions(lake):
    return set(Path(lake.url).glob("decisions/_delta_log/*.json"))


def killed_somewhere(draw, lake, process, compaction):
    """Before it listens, after it, as soon as a file has come that no transaction has yet, or a transaction; some while
    compacting."""
    before = files(lake), transactions(lake)
    process.start()
    if draw.random() < 0.2:
        compaction.start("compact")
    if (chance := draw.random()) < 0.25:
        assert eventually(lambda: files(lake) - before[0], patience=60, every=0.0005)
    elif chance < 0.6:  # whatever time it takes: so that more than a quarter of the kills come after some work
        assert eventually(lambda: transactions(lake) - before[1], patience=60, every=0.0005)
    elif chance < 0.9:
        assert eventually(lambda: listens(process.port), every=0.01)
    time.sleep(draw.choice((0, draw.uniform(0, 0.005), draw.uniform(0, 0.3))))
    if compaction.process and compaction.process.poll() is None:
        compaction.stop(signal.SIGKILL)
    assert process.stop(signal.SIGKILL) == -signal.SIGKILL


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_a_hundred_times_each_event_is_there_once(server, lake, process):
    """Killed anywhere: while it starts, reads, writes a file, commits, or puts files together. None is half done."""
    published, stopping = Counter(), threading.Event()

    def publishing():
        number = 0
        while not stopping.is_set():
            batch = range(number, number + 20)
            server.publish(*(message(a_decision(f"r-{n}", minutes=n), "decisions.score") for n in batch),
                           *(message(a_feedback(f"r-{n}"), "feedback.completed") for n in batch))  # fmt: skip
            published["events"], number = number + 20, number + 20
            time.sleep(0.1)

    beside = threading.Thread(target=publishing, daemon=True)
    beside.start()
    draw, compaction = random.Random(5), Process(server.url, lake)
    try:
        for _ in range(KILLS):
            killed_somewhere(draw, lake, process, compaction)
            assert all(whole(lake, table) for table in (DECISIONS, REACTIONS))
        versions = lake.open(DECISIONS).version()
        halves = lake.compact(DECISIONS, timedelta(0))["vacuumed"]
    finally:
        stopping.set()
        beside.join()
    process.start()

    many = published["events"]
    assert eventually(lambda: count(lake, DECISIONS) >= many and count(lake, REACTIONS) >= many, patience=300)
    process.stop()
    for table in (DECISIONS, REACTIONS):
        counts = asked(lake, "select count(*), count(distinct sequence), count(distinct event_id) from t", table)
        assert counts == [(many,) * 3]
    assert versions > KILLS / 4  # it was killed at its work and not only before it
    print(f"\n{many} events of each kind, {versions} transactions, {halves} old or half files, {KILLS} kills")


def test_two_writers_do_no_harm(server, lake, process):
    other = Process(server.url, lake)
    process.start()
    other.start()
    for start in range(0, 400, 40):
        server.publish(*(message(a_decision(f"r-{n}"), "decisions.score") for n in range(start, start + 40)))
        time.sleep(0.05)

    assert eventually(lambda: count(lake, DECISIONS) >= 400, patience=40)
    process.stop()
    other.stop()
    assert asked(lake, "select count(*), count(distinct sequence) from t") == [(400, 400)]


async def written(connection: Client, lake, rows, seconds=30.0):
    """A writer of decisions in this process, until there are so many rows, or for a while."""
    stop = asyncio.Event()
    writer = LakeWriter(connection, lake, DECISIONS, stop, 0.05)
    running = asyncio.create_task(writer.run())
    end = time.monotonic() + seconds
    while await asyncio.to_thread(count, lake, DECISIONS) < rows and time.monotonic() < end:
        await asyncio.sleep(0.05)
    stop.set()
    await running


async def test_what_the_stream_deleted_is_said_and_counted(connection, lake, caplog):
    js = connection.jetstream()
    for n in range(10):
        await js.publish("decisions.score", a_decision(f"r-{n}").model_dump_json().encode())
    await js.purge_stream("DECISIONS", seq=5)
    before = metrics.LAKE_GONE.labels("decisions")._value.get()

    with caplog.at_level(logging.ERROR):
        await written(connection, lake, 6)

    assert metrics.LAKE_GONE.labels("decisions")._value.get() == before + 4
    assert "deleted 1 to 4 before they were read" in caplog.text
    assert asked(lake, "select sequence from t order by sequence") == [(n,) for n in range(5, 11)]


async def test_a_compaction_that_fails_takes_nothing_from_the_batch_and_is_tried_again(
    connection, lake, caplog, monkeypatch
):
    tried = []

    def away(_, table):
        tried.append(table.name)
        raise LakeUnavailable("no space left")

    monkeypatch.setattr(Lake, "compact", away)
    monkeypatch.setattr("oo_consumers.lake.lake_writer.COMPACTION_INTERVAL", 1)
    before = metrics.LAKE.labels("decisions", "appended")._value.get()

    for n in (1, 2):
        await connection.jetstream().publish("decisions.score", a_decision(f"r-{n}").model_dump_json().encode())
        await written(connection, lake, n)

    assert tried == ["decisions"] * 2
    assert metrics.LAKE.labels("decisions", "appended")._value.get() == before + 2
    assert (
        caplog.text.count("decisions: not compacted, to be tried after 1 transactions more: LakeUnavailable('no") == 2
    )
    assert "refused" not in caplog.text
    assert "position: LakeUnavailable" not in caplog.text


async def test_storage_that_is_away_is_waited_for(connection, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    lake = Lake(str(blocked / "lake"))
    await connection.jetstream().publish("decisions.score", a_decision().model_dump_json().encode())

    await written(connection, lake, 1, seconds=0.5)
    blocked.unlink()
    await written(connection, lake, 1)

    assert asked(lake, "select request_id from t") == [("r-1",)]


# Where a lake may be


@pytest.mark.parametrize("url", ["", "ftp://host/lake", "http://host/lake"])
def test_no_lake_can_be_there(url):
    with pytest.raises(BadLake, match="a lake is a folder or one of s3://"):
        Lake(url)


def test_a_bucket_is_taken_as_it_is():
    """Only the address: there is no object store here to write to."""
    assert Lake("s3://bucket/oo/").table_url("decisions") == "s3://bucket/oo/decisions"


@pytest.mark.parametrize(
    ("environ", "words", "named"),
    [
        ({"OO_CONSUMER_LAKE_URL": "ftp://x"}, (), "OO_CONSUMER_LAKE_URL"),
        ({}, (), "OO_CONSUMER_LAKE_URL"),
        ({"OO_CONSUMER_LAKE_EVERY_MS": "0"}, (), "OO_CONSUMER_LAKE_EVERY_MS"),
        ({"OO_CONSUMER_LAKE_URL": "x"}, ("--keep-days", "-1"), "--keep-days"),
        ({"OO_CONSUMER_LAKE_URL": "x"}, ("squeeze",), "squeeze"),
    ],
)
def test_misuse_is_exit_code_2_and_names_the_setting(environ, words, named):
    command = [sys.executable, "-P", "-m", "oo_consumers.lake", *words]
    done = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert named in done.stderr


def test_compact_from_the_command_line(tmp_path):
    environ = os.environ | {"OO_CONSUMER_LAKE_URL": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "oo_consumers.lake", "compact"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)

    assert [line.split()[0] for line in done.stdout.splitlines()] == [table.name for table in TABLES]
