"""Of the decisions of one request the first made stands; Python and SQL say the same of any history."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from tempfile import TemporaryDirectory

import ibis
import pyarrow as pa
import pytest
from example_events import NOON, a_decision, a_feedback
from hypothesis import given, settings
from hypothesis import strategies as st
from oo_consumers.effect_store import Store
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, StreamEvent
from oo_decisions.standing_decision import first_made_by, in_order_made
from oo_pipelines.backfill.backfill_tables import spine
from oo_pipelines.replay.decision_sources import LogSource
from oo_pipelines.training.lake_rounds import closed_rounds

TABLES_BY_NAME = {table.name: table for table in TABLES}
LATER = NOON + timedelta(days=30)
IDS = ("0190-a", "0190-b", "B", "a", "9", "é", "\U0001f600")


@st.composite
def arrivals(draw):
    """Decisions in the order of their arrival: calls made again, and events sent again, as another request's too."""
    pairs = draw(st.lists(st.tuples(st.sampled_from(("r-1", "r-2", "r-3")), st.sampled_from(IDS)), max_size=12))
    return [a_decision(request, event, minutes=index) for index, (request, event) in enumerate(pairs)]


def standing(history):
    """By the rule in Python: an event that came again is the one that came first."""
    distinct = {event.event_id: event for event in reversed(history)}
    return first_made_by(lambda event: event.request_id, distinct.values())


@pytest.mark.parametrize("arrived", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("ids", [("0190-a", "0190-b", "0190-c"), ("B", "a", "b"), ("9", "é", "\U0001f600")], ids=str)
def test_the_first_made_stands_in_whatever_order_they_come(ids, arrived):
    made = [a_decision(event=event, minutes=index) for index, event in enumerate(ids)]

    assert first_made_by(lambda event: event.request_id, [made[index] for index in arrived]) == {"r-1": made[0]}
    assert in_order_made(made[index] for index in arrived) == made


@settings(max_examples=40)
@given(arrivals())
def test_the_store_keeps_what_the_rule_says(history):
    store = Store.open("sqlite://")
    store.record_all("decisions", history)
    stored = {decision.request_id: decision for decision in store.decisions()}
    counted = store.counts()["decisions"]
    store.close()

    assert stored == standing(history)
    assert counted == len(stored)


@settings(max_examples=40)
@given(arrivals(), st.randoms(use_true_random=False))
def test_other_batches_of_the_same_history_leave_the_same(history, random):
    store = Store.open("sqlite://")
    rest = list(history)
    while rest:
        size = random.randint(1, len(rest))
        store.record_all("decisions", rest[:size])
        rest = rest[size:]
    stored = {decision.request_id: decision for decision in store.decisions(NOON - timedelta(days=1))}
    store.close()

    assert stored == standing(history)


@settings(max_examples=15)
@given(arrivals())
def test_every_reader_of_the_offline_log_says_what_the_rule_says(history):
    """Replay, training and backfills; an id that came again as another request's counts for the first alone."""
    expected = standing(history)
    with TemporaryDirectory() as folder:
        lake = Lake(folder)
        append(lake, "decisions", history)
        append(lake, "reactions", [a_feedback(request, event=f"f-{request}") for request in expected])
        source = LogSource(lake)
        replayed = {item.request_id: item.columns["event_id"] for item in source.decisions(None)}
        counted = source.count(None)
        trained = {item.decision.request_id: item.decision.event_id for item in closed_rounds(lake, LATER)}
    backfilled = {row["request_id"]: row["decided_at"] for row in spine_of(history)}

    assert replayed == trained == {request: event.event_id for request, event in expected.items()}
    assert backfilled == {request: event.decided_at for request, event in expected.items()}
    assert counted == len(expected)


def test_a_repeat_after_the_instant_does_not_bring_an_older_decision_into_the_count(tmp_path):
    lake = Lake(str(tmp_path))
    append(lake, "decisions", [a_decision(event="0190-a"), a_decision(event="0190-b", minutes=60)])
    source, since = LogSource(lake), NOON + timedelta(minutes=30)

    assert (source.count(None), source.count(since), list(source.decisions(since))) == (1, 0, [])


def append(lake, table, facts):
    rows = [StreamEvent(place, NOON, fact, fact.encode().decode()) for place, fact in enumerate(facts, 1)]
    lake.append(TABLES_BY_NAME[table], "S", rows)


def spine_of(history):
    columns = {
        "request_id": [event.request_id for event in history],
        "user_id": [event.user_id for event in history],
        "decided_at": pa.array([event.decided_at for event in history], pa.timestamp("us", "UTC")),
        "event_id": [event.event_id for event in history],
        "stream": ["S" for _ in history],
        "sequence": list(range(1, len(history) + 1)),
    }
    return spine(ibis.memtable(pa.table(columns))).to_pyarrow().to_pylist() if history else []
