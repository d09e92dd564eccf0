"""A request that was answered twice has one decision that stands: the first made, wherever one reads of it."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import ibis
import pyarrow as pa
import pytest
from example_events import NOON
from oo_consumers.beliefs.fold import Fold
from oo_consumers.effect_store import Store
from oo_consumers.effects import _insertion
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, StreamEvent
from oo_consumers.schema import DECISIONS
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_pipelines.backfill.backfill_tables import spine
from oo_pipelines.training.lake_rounds import closed_rounds
from report_events import feedback, score
from sqlalchemy.dialects import postgresql

LAKE = {table.name: table for table in TABLES}
LATER = NOON + DEFAULT_REWARDS.wait + timedelta(hours=1)


def made(event, chosen, minutes):
    """One answer to the request r-1; each answer showed another candidate."""
    at = NOON + timedelta(minutes=minutes)
    return score("r-1", at, event_id=event, chosen_id=chosen, experiment="tone", variant=f"chose-{chosen}")


def test_a_database_that_sorts_words_as_people_do_compares_bytes():
    """Of B and a, people put a first, bytes B; the PostgreSQL at hand knows no people's language."""
    said = str(_insertion("postgresql", DECISIONS).compile(dialect=postgresql.dialect()))

    assert 'excluded.event_id COLLATE "C" < decisions.event_id COLLATE "C"' in " ".join(said.split()).replace(
        "(", ""
    ).replace(")", "")


@pytest.mark.parametrize("shown", ["a", "b"])
@pytest.mark.parametrize("arrived", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize(
    "ids",
    [
        pytest.param(("0190-a", "0190-b", "0190-c"), id="growing ids"),
        pytest.param(("B", "a", "b"), id="of both cases"),
        pytest.param(("9", "é", "\U0001f600"), id="beyond ASCII"),
    ],
)
def test_store_log_and_beliefs_agree_on_it(tmp_path, ids, arrived, shown):
    """Whichever came first, and whichever was shown: a repeat that was shown says nothing about the first."""
    decisions = [made(ids[0], "a", 0), made(ids[1], "b", 1), made(ids[2], "b", 2)]
    reactions = feedback("r-1", NOON + timedelta(minutes=3), "shown", "clicked", to=shown)
    store, lake = Store.open(f"sqlite:///{tmp_path}/effects.db"), Lake(str(tmp_path / "lake"))
    for place in arrived:
        store.record("decisions", decisions[place])
    store.record_all("feedback", reactions)
    for name, facts in (("decisions", [decisions[place] for place in arrived]), ("reactions", reactions)):
        lake.append(
            LAKE[name], "S", [StreamEvent(at, NOON, one, one.encode().decode()) for at, one in enumerate(facts, 1)]
        )

    by_store, by_log = list(store.rounds(LATER)), list(closed_rounds(lake, LATER))
    beliefs = Fold({"tone": False}).advance(store, LATER)["tone"]
    store.close()

    assert by_log == by_store
    assert [item.decision for item in by_log] == ([decisions[0]] if shown == "a" else [])
    assert sum(count for count, _ in beliefs.arms.values()) == len(by_store)


def test_a_backfills_spine_is_the_first_made_too():
    """Arrived last, and made first."""
    logged = pa.table(
        {
            "request_id": ["r-1", "r-1", "r-2"],
            "user_id": ["late", "first", "other"],
            "decided_at": pa.array([NOON + timedelta(minutes=1), NOON, NOON], pa.timestamp("us", "UTC")),
            "event_id": ["0190-b", "0190-a", "0190-c"],
            "stream": ["D", "D", "D"],
            "sequence": [1, 2, 3],
        }
    )

    found = spine(ibis.memtable(logged)).order_by("request_id").to_pyarrow().to_pylist()

    assert [(row["request_id"], row["user_id"], row["decided_at"]) for row in found] == [
        ("r-1", "first", NOON),
        ("r-2", "other", NOON),
    ]


def test_one_event_id_counts_once_whatever_it_says_the_second_time(tmp_path):
    """A producer that makes every id alike has sent one event: the store's inbox and the log's view agree."""
    first, second = made("d-1", "a", 0), made("d-1", "a", 1).model_copy(update={"request_id": "r-2"})
    reactions = [*feedback("r-1", NOON, "shown"), *feedback("r-2", NOON, "shown")]
    store, lake = Store.open(f"sqlite:///{tmp_path}/effects.db"), Lake(str(tmp_path / "lake"))
    store.record_all("decisions", [first, second])
    store.record_all("feedback", reactions)
    for name, facts in (("decisions", [first, second]), ("reactions", reactions)):
        lake.append(
            LAKE[name], "S", [StreamEvent(at, NOON, one, one.encode().decode()) for at, one in enumerate(facts, 1)]
        )

    by_store = list(store.rounds(LATER))
    store.close()

    assert [item.decision for item in by_store] == [first]
    assert list(closed_rounds(lake, LATER)) == by_store
