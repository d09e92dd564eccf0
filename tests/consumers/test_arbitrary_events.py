"""Whatever is published: in every reader each event is an effect or a dead letter with a reason, and none stops."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from datetime import timedelta

import nats
import pytest
from arbitrary_events import NOW, arbitrary
from learning_events import EXPERIMENTS
from nats.js.api import AckPolicy, ConsumerConfig
from oo_cli.app import app
from oo_consumers import streams
from oo_consumers.beliefs.fold import Fold
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES
from oo_consumers.schema import INBOX
from oo_consumers.subscription import SUBSCRIPTIONS
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_features.feature_sets import RANKER_V1
from oo_pipelines.training.dataset import NotEnough, gather
from oo_pipelines.training.lake_rounds import closed_rounds
from sqlalchemy import select
from typer.testing import CliRunner
from waiting import eventually, free_port

EVENTS = 20_000  # into each durable
SEED = 1
READERS = {"effects": "oo_consumers", "log": "oo_consumers.lake", "beliefs": "oo_consumers.beliefs"}
LATER = NOW + DEFAULT_REWARDS.wait + timedelta(days=1)
pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(900)]


class Reader:
    """One reader as a process whose log is kept."""

    def __init__(self, name, folder, **environ):
        self.port, self.log = free_port(), folder / f"{name}.log"
        ours = {"HOST": "127.0.0.1", "HTTP_PORT": self.port, "ACK_WAIT_MS": 5_000, "LAKE_EVERY_MS": 500, **environ}
        told = os.environ | {f"OO_CONSUMER_{key}": str(value) for key, value in ours.items()}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-P", "-m", READERS[name]], env=told, stderr=log)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
                return reply.read().decode()
        except OSError:
            return ""

    def lags(self, metric):
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith(metric + "{")]
        return {line.partition('"')[2].partition('"')[0]: float(line.split()[-1]) for line in lines}

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)


async def publish(url, messages):
    """Without waiting for each acknowledgement: the streams' lengths say when all are there."""
    connection = await nats.connect(url, pending_size=64 << 20)
    js = connection.jetstream()
    await streams.ensure_streams(js)
    for number, (subject, data) in enumerate(messages):
        await connection.publish(subject, data)
        if number % 500 == 0:
            await connection.flush(60)
    await connection.flush(60)
    while sum([(await js.stream_info(item.stream.name)).state.last_seq for item in SUBSCRIPTIONS]) < len(messages):
        await asyncio.sleep(0.1)
    await connection.close()


async def read_all(url, stream):
    """Every message of a stream: sequence, subject, data, headers."""
    connection = await nats.connect(url)
    js = connection.jetstream()
    made = await js.add_consumer(stream, ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True))
    reader = await js.pull_subscribe_bind(made.name, stream)
    found, count = [], made.num_pending
    while len(found) < count:
        found += await reader.fetch(1_000, timeout=30)
    await connection.close()
    return [(int(item.metadata.sequence.stream), item.subject, item.data, item.headers or {}) for item in found]


def reasons(letters):
    """Of each dead letter by its reader and where its stream had it."""
    return {headers["Nats-Msg-Id"]: headers["Oo-Reason"] for _, _, _, headers in letters}


def event_id(data):
    """As it is kept: a number is the text of it."""
    return str(json.loads(data)["event_id"])


@pytest.fixture
def world(server, store_url, tmp_path):
    server.publish()
    for key, item in EXPERIMENTS.items():
        server.put("experiments", key, item.model_dump_json().encode())
    where = {"NATS_URL": server.url, "STORE_URL": store_url}
    lake = Lake(str(tmp_path / "lake"))
    readers = {
        "effects": Reader("effects", tmp_path, **where),
        "log": Reader("log", tmp_path, LAKE_URL=lake.url, **where),
        "beliefs": Reader("beliefs", tmp_path, BELIEFS_EVERY_MS=500, **where),
    }
    yield readers, lake
    for reader in readers.values():
        if reader.process.poll() is None:
            reader.process.kill()
            reader.process.wait(10)


def test_each_event_is_an_effect_or_a_dead_letter_in_every_reader(world, server, store, store_url):
    readers, lake = world
    assert eventually(lambda: all('"ok"' in reader.get("/healthz/ready") for reader in readers.values()), patience=60)
    made = [arbitrary(item.durable, number, SEED) for number in range(EVENTS) for item in SUBSCRIPTIONS]

    asyncio.run(publish(server.url, [(subject, data) for subject, data, _ in made]))

    assert eventually(lambda: all(server.unsettled(item.durable) == 0 for item in SUBSCRIPTIONS), patience=600, every=1)
    last = {table.name: lambda table=table: readers["log"].lags("oo_lake_lag").get(table.name) for table in TABLES}
    assert eventually(lambda: all(lag() == 0 for lag in last.values()), patience=300, every=1)
    assert eventually(lambda: set(readers["effects"].lags("oo_consumer_lag").values()) == {0.0})
    assert eventually(lambda: all('"ok"' in reader.get("/healthz/ready") for reader in readers.values()))
    dead = reasons(asyncio.run(read_all(server.url, "DLQ")))
    found = {item.durable: asyncio.run(read_all(server.url, item.stream.name)) for item in SUBSCRIPTIONS}
    effects_or_letters(found, dead, store)
    rows_or_letters(found, dead, lake)
    sound_ones_have_effects(made, found, dead)
    assert all(reason.strip() for reason in dead.values())
    assert [reader.stop() for reader in readers.values()] == [0, 0, 0]  # the same processes as at the start
    assert {name: reader.log.read_text().count("Traceback") for name, reader in readers.items()} == dict.fromkeys(
        readers, 0
    )
    stored_data_is_read(store, lake, store_url)
    print(f"\n{len(made)} events, {Counter(key.partition(':')[0] for key in dead)}")


def effects_or_letters(found, dead, store):
    with store.engine.connect() as connection:
        inbox = {(row.source, row.event_id) for row in connection.execute(select(INBOX))}
    for item in SUBSCRIPTIONS:
        lost = [
            (sequence, data)
            for sequence, _, data, _ in found[item.durable]
            if f"{item.durable}:{item.stream.name}:{sequence}" not in dead
            and (item.durable, event_id(data)) not in inbox
        ]
        assert lost == []


def rows_or_letters(found, dead, lake):
    for table in TABLES:
        durable = next(item.durable for item in SUBSCRIPTIONS if item.stream is table.stream)
        here = set(lake.open(table).to_pyarrow_table(columns=["sequence"])["sequence"].to_pylist())
        for sequence, subject, _, _ in found[durable]:
            if subject == table.subjects or table.subjects.endswith(">"):
                is_dead = f"lake-{table.name}:{table.stream.name}:{sequence}" in dead
                assert (sequence in here) != is_dead


def sound_ones_have_effects(made, found, dead):
    """Otherwise dead letters alone would do."""
    sound = {data for _, data, is_sound in made if is_sound}
    for durable, messages in found.items():
        ours = [sequence for sequence, _, data, _ in messages if data in sound]
        buried = [sequence for sequence in ours if f"{durable}:{durable.upper()}:{sequence}" in dead]
        assert len(ours) > len(messages) / 3
        assert len(buried) < len(ours) / 2


def stored_data_is_read(store, lake, store_url):
    """By everything that reads it."""
    assert store.skipped.counts.total() == 0
    by_store = list(store.rounds(LATER))
    assert len(by_store) > 20
    assert list(closed_rounds(lake, LATER)) == by_store
    try:
        gather(by_store, RANKER_V1.ref, 10)
    except NotEnough as error:
        raise AssertionError from error
    beliefs = Fold({"tone": True, "words": False})
    assert beliefs.advance(store, LATER)["tone"].arms
    assert beliefs.unlearnable == {}
    url = ["--store-url", store_url]
    for words in (["report", "policies", *url], ["report", "experiment", "tone", *url], ["report", "prompts", *url],
                  ["rewards", "compare", "v1", "v1", *url], ["ope", "--target", "uniform", *url]):  # fmt: skip
        done = CliRunner().invoke(app, [*words, "--output", "json"])
        assert (words, done.exit_code, done.exception) == (words, 0, None), done.output
