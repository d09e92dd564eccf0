"""Rounds from the offline log are the effect store's, event by event, with all that comes twice."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, Placed
from oo_consumers.store import Store
from oo_contracts.events import Feedback, ScoreDecision
from oo_contracts.rewards import REWARDS
from oo_pipelines.lake import rounds
from oo_pipelines.simulate import Simulation
from oo_pipelines.world import World

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DECISIONS = next(table for table in TABLES if table.name == "decisions")
REACTIONS = next(table for table in TABLES if table.name == "reactions")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The same arrivals, shuffled and with repeats, in both; a request that was decided twice among them."""
    folder = tmp_path_factory.mktemp("lake")
    events = [event for _, event in Simulation(World(3, 60), NOW, 5).events()]
    draw = random.Random(3)
    arrived = events + draw.sample(events, 200)
    again = next(item for item in events if isinstance(item, ScoreDecision) and item.chosen)
    arrived.append(again.model_copy(update={"event_id": "decided-again", "propensity": 0.5}))
    draw.shuffle(arrived)
    store, lake = Store.open(f"sqlite:///{folder}/effects.db"), Lake(str(folder / "lake"))
    for table, kind, name in ((DECISIONS, ScoreDecision, "decisions"), (REACTIONS, Feedback, "feedback")):
        ours = [event for event in arrived if isinstance(event, kind)]
        store.record_all(name, ours)
        batch = [Placed(at, event, event.model_dump_json()) for at, event in enumerate(ours, start=1)]
        for start in range(0, len(batch), 300):
            lake.append(table, "S", batch[start : start + 300])
    yield store, lake
    store.close()


@pytest.mark.parametrize("back", [0, 1, 2, 3, 4])
def test_they_are_the_stores(world, back):
    store, lake = world
    now = NOW - timedelta(days=back)

    expected = list(store.rounds(now))

    assert list(rounds(lake, now)) == expected
    assert back == 4 or len(expected) > 100


def test_by_another_reward_table_too(world):
    store, lake = world
    values = {**REWARDS.values, "clicked": -0.3}
    table = REWARDS.model_copy(update={"version": "x", "wait_hours": 2.0, "values": values})

    assert list(rounds(lake, NOW, table)) == list(store.rounds(NOW, table))


def test_an_empty_lake_has_no_rounds(tmp_path):
    assert list(rounds(Lake(str(tmp_path)), NOW)) == []


def test_compaction_changes_no_round(world):
    _, lake = world
    before = list(rounds(lake, NOW))

    lake.compact(DECISIONS)
    lake.compact(REACTIONS)

    assert list(rounds(lake, NOW)) == before
