"""Rounds from the offline log are the effect store's, event by event, with all that comes twice."""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from example_events import NOON, a_decision, a_signal
from oo_consumers.effect_store import Store
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, StreamEvent
from oo_contracts.events import Feedback, ScoreDecision
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_pipelines.__main__ import main
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers
from oo_pipelines.training.lake_rounds import closed_rounds

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DECISIONS = next(table for table in TABLES if table.name == "decisions")
SIGNALS = next(table for table in TABLES if table.name == "signals")
REACTIONS = next(table for table in TABLES if table.name == "reactions")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The same arrivals, shuffled and with repeats, in both; a request that was decided twice among them."""
    folder = tmp_path_factory.mktemp("lake")
    events = [event for _, event in Simulation(SimulatedUsers(3, 60), NOW, 5).events()]
    draw = random.Random(3)
    arrived = events + draw.sample(events, 200)
    again = next(item for item in events if isinstance(item, ScoreDecision) and item.chosen_id)
    arrived.append(again.model_copy(update={"event_id": "decided-again", "propensity": 0.5}))
    draw.shuffle(arrived)
    store, lake = Store.open(f"sqlite:///{folder}/effects.db"), Lake(str(folder / "lake"))
    for table, kind, name in ((DECISIONS, ScoreDecision, "decisions"), (REACTIONS, Feedback, "feedback")):
        ours = [event for event in arrived if isinstance(event, kind)]
        store.record_all(name, ours)
        batch = [StreamEvent(at, NOW, event, event.encode().decode()) for at, event in enumerate(ours, start=1)]
        for start in range(0, len(batch), 300):
            lake.append(table, "S", batch[start : start + 300])
    yield store, lake
    store.close()


@pytest.mark.parametrize("back", [0, 1, 2, 3, 4])
def test_they_are_the_stores(world, back):
    store, lake = world
    now = NOW - timedelta(days=back)

    expected = list(store.rounds(now))

    assert list(closed_rounds(lake, now)) == expected
    assert back == 4 or len(expected) > 100


def test_by_another_reward_table_too(world):
    store, lake = world
    values = {**DEFAULT_REWARDS.values, "clicked": -0.3}
    table = DEFAULT_REWARDS.model_copy(update={"version": "x", "wait_hours": 2.0, "values": values})

    assert list(closed_rounds(lake, NOW, table)) == list(store.rounds(NOW, table))


def test_a_backfill_reads_the_tables_as_they_stand(tmp_path, monkeypatch, capsys):
    """What was known: an app that was opened before the decision, and of which the stream heard after it, was not."""
    lake = Lake(str(tmp_path / "lake"))
    opened = [a_signal(place).model_copy(update={"occurred_at": NOON - timedelta(days=place)}) for place in (1, 2)]
    told = [NOON - timedelta(days=1), NOON + timedelta(seconds=1)]
    lake.append(
        SIGNALS, "S", [StreamEvent(at, told[at - 1], one, one.encode().decode()) for at, one in enumerate(opened, 1)]
    )
    decision = a_decision()
    lake.append(DECISIONS, "S", [StreamEvent(1, NOON, decision, decision.encode().decode())])
    words = ["--output=json", "backfill", "--feature=active_days_14d", f"--spine={lake.table_url('decisions')}",
             f"--source={lake.table_url('signals')}", f"--out={tmp_path}/out.parquet"]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["oo_pipelines", *words])

    with pytest.raises(SystemExit) as done:
        main()

    assert done.value.code == 0, capsys.readouterr().err
    (row,) = duckdb.read_parquet(f"{tmp_path}/out.parquet").fetchall()
    assert row[:2] == ("r-1", "u-1")
    assert row[3:5] == (1.0, None)


def test_an_empty_lake_has_no_rounds(tmp_path):
    assert list(closed_rounds(Lake(str(tmp_path)), NOW)) == []


def test_compaction_changes_no_round(world):
    _, lake = world
    before = list(closed_rounds(lake, NOW))

    lake.compact(DECISIONS)
    lake.compact(REACTIONS)

    assert list(closed_rounds(lake, NOW)) == before
