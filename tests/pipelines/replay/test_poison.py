"""What an older version stored and nobody can use, beside sound rounds: every reader leaves it out, and counts it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from example_events import NOON
from oo_cli.app import app
from oo_consumers.beliefs.fold import Fold
from oo_consumers.effect_store import Store
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, StreamEvent
from oo_consumers.schema import DECISIONS, REACTIONS
from oo_contracts.events import Feedback, ScoreDecision
from oo_contracts.instant import MIN_INSTANT
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_pipelines.training.lake_rounds import closed_rounds
from report_events import feedback, score, tip
from typer.testing import CliRunner

LATER = NOON + DEFAULT_REWARDS.wait
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAKE = {table.name: table for table in TABLES}


def changed(fact, **other):
    return json.dumps(json.loads(fact.encode().decode()) | other)


BAD_DECISIONS = {
    "never": changed(score("never", NOON), decided_at=NEVER.isoformat()),
    "unchosen": changed(score("unchosen", NOON), chosen_id="z"),
    "impossible": changed(score("impossible", NOON), propensity=0.0),
    "none": "{}",
    "half": score("half", NOON).model_dump_json()[:-20],
}


@pytest.fixture
def store(tmp_path):
    """Twenty rounds that closed, each with a reaction of the year 9999 and one of the year 1; and bad decisions."""
    store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    for number in range(20):
        user, at = f"u-{number}", NOON + timedelta(minutes=number)
        mode = {"experiment": "tone", "variant": "calm" if number % 2 else "bold", "user": user}
        store.record("decisions", score(f"r-{number}", at, **mode))
        kinds = ("shown", "completed") if number % 3 else ("shown",)
        store.record_all("feedback", feedback(f"r-{number}", at, *kinds, user=user))
    store.record("decisions", tip("t-1", NOON, chances=(0.5, 0.5)))
    reactions = [
        {"event_id": f"x-{key}-{at.year}", "request_id": key, "candidate_id": "a", "user_id": "u-1",
         "reaction": "clicked", "occurred_at": at}
        for key in (*(f"r-{number}" for number in range(20)), "t-1", *BAD_DECISIONS) for at in (NEVER, FIRST)
    ]  # fmt: skip
    decisions = [
        {"event_id": f"d-{key}", "request_id": key, "user_id": "u-1", "decided_at": NEVER if key == "never" else NOON,
         "chosen_id": "a", "event": event}
        for key, event in BAD_DECISIONS.items()
    ]  # fmt: skip
    with store.engine.begin() as connection:
        connection.execute(REACTIONS.insert(), reactions)
        connection.execute(DECISIONS.insert(), decisions)
    yield store
    store.close()


def test_rounds_close_as_if_it_were_not_there(store):
    found = list(store.rounds(LATER + timedelta(hours=1)))

    assert [item.decision.request_id for item in found] == [f"r-{number}" for number in range(20)]
    assert {item.reward for item in found} == {0.0, 1.0}
    assert min(item.shown_at for item in found) == NOON
    assert store.skipped.counts["decisions"] == len(BAD_DECISIONS)
    assert store.skipped.counts["reactions"] >= 40


def test_the_first_of_each_table_is_logged_and_then_their_number(store, caplog):
    with caplog.at_level(logging.WARNING):
        list(store.rounds(LATER))
        store.close()

    said = [record.message for record in caplog.records]
    assert len(said) == 4
    assert any(line.startswith("reactions: ") and "is out of bounds" in line for line in said)
    assert "decisions: 5 stored rows were left out in all" in said


def test_beliefs_fold_on(store):
    beliefs = Fold({"tone": True, "words": False}).advance(store, LATER + timedelta(hours=1))

    assert sum(rounds for rounds, _ in beliefs["tone"].arms.values()) == 20


@pytest.mark.parametrize(
    "words",
    [
        ["report", "policies"],
        ["report", "experiment", "tone"],
        ["report", "prompts"],
        ["rewards", "compare", "v1", "v1"],
        ["ope", "--target", "uniform"],
    ],
    ids=" ".join,
)
def test_every_command_answers(store, words):
    done = CliRunner().invoke(app, [*words, "--store-url", str(store.engine.url), "--output", "json"])

    assert (done.exit_code, done.exception) == (0, None), done.output


def test_the_logs_view_leaves_the_same_out(tmp_path):
    """An older writer took events beyond the bounds of today, but for the very ends of time."""
    lake, sound = Lake(str(tmp_path / "lake")), score("r-1", NOON)
    (shown,) = feedback("r-1", NOON, "shown")
    never = Feedback.model_construct(**dict(shown) | {"event_id": "x-1", "occurred_at": NEVER - timedelta(days=1)})
    before = Feedback.model_construct(
        **dict(shown) | {"event_id": "x-2", "occurred_at": MIN_INSTANT - timedelta(days=1)}
    )
    odd = ScoreDecision.model_construct(**dict(score("odd", NOON)) | {"propensity": 0.0})
    about = feedback("odd", NOON, "shown")[0]
    for name, facts in (("decisions", (sound, odd)), ("reactions", (never, before, shown, about))):
        batch = [StreamEvent(at, NOON, fact, fact.encode().decode()) for at, fact in enumerate(facts, start=1)]
        lake.append(LAKE[name], "S", batch)

    (found,) = closed_rounds(lake, LATER)

    assert (found.decision, found.shown_at, found.reward) == (sound, NOON, 0.0)
