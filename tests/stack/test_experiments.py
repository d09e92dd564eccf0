"""An experiment is defined, learns from reactions and is dropped again, and nothing was restarted."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import nats
import pytest
from example_experiments import experiment
from nats_reader import events, publish
from waiting import eventually

CANDIDATES = [{"id": f"c-{version}", "kind": "tip", "prompt_version": version} for version in ("v1", "v2")]
ASK = {"user_id": "u-experiment", "candidates": CANDIDATES}
TIP = {
    "user_id": "u-experiment",
    "prompt_version": "auto",
    "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}],
}


async def _put(url, key, value):
    connection = await nats.connect(url)
    try:
        bucket = await connection.jetstream().key_value("experiments")
        await (bucket.delete(key) if value is None else bucket.put(key, value))
    finally:
        await connection.close()


@contextmanager
def running(stack, of):
    """Defined in NATS until the block is left."""
    asyncio.run(_put(stack.nats_url, of.key, of.model_dump_json().encode()))
    try:
        yield
    finally:
        asyncio.run(_put(stack.nats_url, of.key, None))


def asked(stack, **more):
    return stack.post("/score", ASK | more).json()


def chance(reply, candidate):
    return next(item["propensity"] for item in reply["scores"] if item["candidate_id"] == candidate)


def key_of(reply):
    return reply["experiment"] and reply["experiment"]["key"]


def everywhere(stack, true):
    """Whether it becomes true of each answer: there are two transformers, and each learns of a change by itself."""
    return eventually(lambda: all(true(asked(stack)) for _ in range(12)), patience=60)


def decided(stack, reply):
    """The event of a reply."""
    (event,) = events(stack, "decisions.score", lambda event: event["request_id"] == reply["request_id"])
    return event


def learned(event):
    return sum(rounds for rounds, _ in event["beliefs"]["arms"].values())


def react(stack, reply, reaction):
    """Two days ago, so that the round's waiting time is over."""
    said = {
        "event_id": str(uuid.uuid4()),
        "request_id": reply["request_id"],
        "candidate_id": reply["chosen"],
        "user_id": ASK["user_id"],
        "reaction": reaction,
        "occurred_at": (datetime.now(UTC) - timedelta(days=2)).isoformat(),
    }
    publish(stack, f"feedback.{reaction}", said)


def test_an_experiment_learns_and_goes_without_a_restart(stack):
    tone = experiment(f"a-{uuid.uuid4()}", {"kind": "thompson"})
    before = asked(stack)["policy"]
    with running(stack, tone):
        assert everywhere(stack, lambda reply: key_of(reply) == tone.key)
        assert chance(asked(stack), "c-v2") == pytest.approx(0.5)

        for number in range(16):
            reply = asked(stack, request_id=f"{tone.key}-{number}")
            react(stack, reply, "completed" if reply["chosen"] == "c-v2" else "dismissed")

        assert everywhere(stack, lambda reply: chance(reply, "c-v2") > 0.9)
        assert eventually(lambda: learned(decided(stack, asked(stack))) == 16, patience=60)
        event = decided(stack, asked(stack))
        assert event["assignment"] == {"mode": "active", "unit": "user", "coverage": 1.0, "weights": {"only": 1.0}}

    assert everywhere(stack, lambda reply: key_of(reply) != tone.key and reply["policy"] == before)


def test_a_prompt_version_is_drawn_when_it_is_left_to_us(stack):
    assert stack.post("/generate", TIP).json()["prompt_propensity"] == 1.0  # nothing runs: the default, for certain

    words = experiment(f"a-{uuid.uuid4()}", {"kind": "thompson"}, about="prompts", prompts=["v1", "v2"])

    def drawn():
        reply = stack.post("/generate", TIP | {"candidate_propensity": 0.25}).json()
        return reply if reply["prompt_propensity"] == 0.5 else None

    with running(stack, words):
        reply = eventually(drawn, patience=60)
        (event,) = events(stack, "decisions.generate", lambda event: event["request_id"] == reply["request_id"])

    draw = event["draw"]
    assert event["prompt_version"] == reply["prompt_version"] in draw["versions"]
    assert (draw["candidate_propensity"], draw["propensity"], draw["joint_propensity"]) == (0.25, 0.5, 0.125)
    assert draw["experiment"]["key"] == words.key


def test_a_bad_definition_changes_nothing(stack):
    before = asked(stack)["policy"]
    asyncio.run(_put(stack.nats_url, "bad", b'{"key": "bad"}'))
    try:
        good = experiment(f"a-{uuid.uuid4()}")
        with running(stack, good):
            assert everywhere(stack, lambda reply: key_of(reply) == good.key)
    finally:
        asyncio.run(_put(stack.nats_url, "bad", None))
    assert everywhere(stack, lambda reply: reply["policy"] == before)


@pytest.mark.embedded("the command line rules the embedded stack")
def test_the_command_line_defines_stops_drops_and_replays(stack, tmp_path):
    file, key = tmp_path / "tone.toml", f"a-{uuid.uuid4()}"
    variant = '[[variants]]\nname = "only"\nweight = 1\npolicy = { kind = "squarecb", gamma = 20 }\n'
    watching = '[[shadows]]\nkind = "lints"\nfloor = 0.01\n'
    file.write_text(f'key = "{key}"\npurpose = "a test"\n{variant}{watching}')

    assert stack.oo_ml("experiment", "put", str(file)).returncode == 0
    assert everywhere(stack, lambda reply: key_of(reply) == key)
    listed = json.loads(stack.oo_ml("experiment", "list", "--output", "json").stdout)
    found = next(item for item in listed if item["key"] == key)
    assert (found["source"], found["state"], found["shadows"][0]["kind"]) == ("nats", "running", "lints")
    assert "only watches" in stack.oo_ml("experiment", "list").stdout
    assert eventually(lambda: key in stack.oo_ml("experiment", "beliefs").stdout, patience=60)

    stack.oo_ml("experiment", "stop", key)
    assert everywhere(stack, lambda reply: key_of(reply) != key)
    stack.oo_ml("experiment", "drop", key)
    assert stack.oo_ml("experiment", "drop", key, check=False).returncode == 2

    file.write_text(file.read_text().replace("gamma = 20", "gamma = -1"))
    refused = stack.oo_ml("experiment", "put", str(file), check=False)
    assert (refused.returncode, "gamma" in refused.stderr) == (2, True)
    replayed = stack.oo_ml("replay", "--output", "json", check=False)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert json.loads(replayed.stdout)["draws"] > 0
