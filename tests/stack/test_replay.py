"""What the stack served under three champions replays without a difference, and one flipped bit is found in it.

OO_TEST_DECISIONS says how many decisions; `.ci/run` serves 10,000, and 100,000 is what a release is tried with.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import time
from collections import Counter
from datetime import UTC, datetime

import aiohttp
import pytest
from oo_contracts.events import ScoreDecision
from oo_model_cards.gate import CHAMPION, Evidence, promote
from oo_model_cards.registry import Registry
from waiting import eventually

DECISIONS = int(os.environ.get("OO_TEST_DECISIONS", "6000"))
FEWEST_MIRRORED = 200  # copies for a challenger: what the gate wants
BESIDE = 50  # calls at a time meanwhile
LINES = 16  # calls at the same time
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
PROFILE = {
    "completion_rate_30d": (None, 0.5, "much", -1, 1 / 3),
    "preferred_hour": (9, 9.5, True, 23, 24),
    "tip_volume_7d": (0, 3, 10**30, -1, 7),
    "tasks_open_avg_7d": (4.75, 0.1, 1e300, "NaN", 12),
}
FLIPS = 12

pytestmark = [
    pytest.mark.embedded("moves the champion of a stack of its own, and writes into its database"),
    pytest.mark.long,
]


def ask(number: int) -> bytes:
    """A call like no other; the same number makes the same one."""
    draw = random.Random(number)
    tasks = [
        {
            "id": f"t-{place}",
            "content": "x" * draw.randint(1, 60),
            "priority": draw.randint(1, 4),
            "labels": ["a"] * draw.randint(0, 3),
            "due": draw.choice([None, {"date": f"2026-1{draw.randint(0, 2)}-{draw.randint(10, 28)}"}]),
            "created_at": f"2026-0{draw.randint(1, 9)}-11T0{draw.randint(0, 9)}:30:00.{draw.randint(0, 999_999):06d}Z",
        }
        for place in range(draw.randint(1, 5))
    ]
    body = {
        "user_id": f"u-{draw.randint(1, 500)}",
        "timezone": draw.choice(ZONES),
        "tasks": tasks,
        "profile_features": draw.choice([None, {name: draw.choice(some) for name, some in PROFILE.items()}]),
    }
    return json.dumps(body).encode()


async def version_of(client: aiohttp.ClientSession, body: bytes) -> str:
    """The version that answered a call; one that is refused because of the load is made again a little later."""
    while True:
        async with client.post("/score", data=body, headers={"content-type": "application/json"}) as reply:
            if reply.status == 200:
                return (await reply.json())["model"]["version"]
            assert reply.status == 503, await reply.text()
            assert reply.headers["retry-after"] == "1"
        await asyncio.sleep(0.05)


async def served(stack, numbers: range) -> Counter:
    """How often each version answered, of calls that go on LINES abreast."""
    versions: Counter = Counter()
    waiting = iter(numbers)

    async def line(client: aiohttp.ClientSession) -> None:
        for number in waiting:
            versions[await version_of(client, ask(number))] += 1

    async with aiohttp.ClientSession(stack.url) as client, asyncio.TaskGroup() as lines:
        for _ in range(LINES):
            lines.create_task(line(client))
    return versions


def crowned(stack, version: str, champion: str, mirrored: int) -> None:
    """The challenger becomes champion by the gate, on what mirroring showed, and the stack serves it."""
    registry = Registry(stack.status()["mlflow_url"])
    evidence = Evidence(version, champion, mirrored, errors=0, disagreement=0.0)
    promote(
        registry,
        registry.resolve(f"tip-ranker/{version}"),
        CHAMPION,
        evidence,
        by="a test",
        reason="three versions in one log",
        at=datetime.now(UTC),
    )
    assert eventually(lambda: served_by(stack) == version, patience=60)


def served_by(stack) -> str:
    return stack.post("/score", json.loads(ask(0))).json()["model"]["version"]


def shadowed(stack, version: str) -> int:
    """Calls until the challenger, which is starting, has answered copies of enough of them; how many those were."""
    for turn in range(240):  # a process that starts takes its time where others are busy
        if mirrored(stack, version) >= FEWEST_MIRRORED:
            return turn * BESIDE
        asyncio.run(served(stack, range(turn * BESIDE, (turn + 1) * BESIDE)))
        time.sleep(0.5)
    raise AssertionError(f"{version} answered {mirrored(stack, version)} copies only")


def mirrored(stack, version: str) -> int:
    """Copies that the shadow answered, as the store has them."""
    return count(stack, "predictions", "role = 'shadow' AND model_version = ?", version)


def count(stack, table: str, where: str = "1", *values: str) -> int:
    with sqlite3.connect(stack.store_url.removeprefix("sqlite:///")) as database:
        return database.execute(f"SELECT count(*) FROM {table} WHERE {where}", values).fetchone()[0]  # noqa: S608


@pytest.fixture(scope="module")
def log(own_stack):
    """A stack whose log holds the simulated past and DECISIONS served ones, by three champions in turn."""
    part = DECISIONS // 3
    before, extra = count(own_stack, "decisions"), 0
    asyncio.run(served(own_stack, range(1, part + 1)))
    for turn, champion in enumerate(("1", "2"), start=1):
        challenger = own_stack.train()["version"]
        extra += shadowed(own_stack, challenger)
        crowned(own_stack, challenger, champion, mirrored(own_stack, challenger))
        asyncio.run(served(own_stack, range(turn * part + 1, (turn + 1) * part + 1)))
    wanted = before + 3 * part + extra
    assert eventually(lambda: count(own_stack, "decisions") >= wanted, patience=120)
    return own_stack


@pytest.mark.timeout(1200)
def test_no_bit_differs_in_what_three_champions_decided(log):
    said = json.loads(log.oo_ml("replay", "--output", "json", check=False).stdout)

    assert (said["differences"], said["differing"], said["sound"]) == (0, 0, True), said["first"]
    assert said["unsealed"] == 0
    by = {name: many for name, many in said["models"].items() if name != "none/0"}
    assert sum(by.values()) >= DECISIONS * 0.99  # the others were degraded while a champion changed
    assert min(by[f"tip-ranker/{version}"] for version in "123") >= DECISIONS // 4
    print(f"\nreplayed {said['decisions']} decisions at {said['per_second']:,.0f} a second: {by}")


@pytest.mark.timeout(600)
def test_one_flipped_bit_in_the_log_is_found_and_named(log):
    """In the database itself, then through the command: one bit each of some decisions, and no other is named."""
    draw = random.Random(7)
    spoilt = {}
    with sqlite3.connect(log.store_url.removeprefix("sqlite:///")) as database:
        rows = database.execute("SELECT request_id, event FROM decisions ORDER BY decided_at DESC LIMIT 400").fetchall()
        for request_id, event in draw.sample(rows, FLIPS):
            spoilt[request_id] = changed = flipped(event, draw)
            database.execute("UPDATE decisions SET event = ? WHERE request_id = ?", (changed, request_id))
    since = min(ScoreDecision.read(event).decided_at for _, event in rows)

    done = log.oo_ml("replay", "--output", "json", "--since", f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}", check=False)

    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["differing"] == FLIPS
    named = {item["request_id"] for item in said["first"]}  # the first 20 differences; a flip may make several
    assert named <= set(spoilt)
    assert named == set(spoilt) or said["differences"] > len(said["first"])


def flipped(event: str, draw: random.Random) -> str:
    """The event with one bit of its context or its tasks changed, so that it still reads as an event."""
    start, end = event.index('"context"'), event.index('"candidates"')
    while True:
        text = bytearray(event.encode())
        text[draw.randrange(start, end)] ^= 1
        try:
            found = ScoreDecision.read(bytes(text))
        except ValueError:
            continue
        if found != ScoreDecision.read(event):
            return text.decode()
