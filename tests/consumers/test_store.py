"""The effect store: the same suite on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from example_events import NOON, a_decision, a_feedback, a_signal
from oo_consumers import effects
from oo_consumers.effect_store import Store, StoreError, StoreUnavailable
from oo_consumers.standing_sql import keep_first_made
from oo_consumers.store_pages import PAGE_SIZE
from oo_consumers.store_records import RequestCounts
from oo_contracts.events import Event, Signal
from report_events import prediction, tip
from sqlalchemy import inspect, text

LATER = NOON + timedelta(days=3)


def test_the_same_event_twice_counts_once(store):
    assert store.record("feedback", a_feedback()) is True
    assert store.record("feedback", a_feedback()) is False

    assert [item.reaction for item in store.reactions("r-1")] == ["completed"]


def test_an_insert_statement_is_made_once_for_all_transactions(store, monkeypatch):
    made = []
    effects._insertion.cache_clear()
    monkeypatch.setattr(effects, "keep_first_made", lambda *names: made.append(names) or keep_first_made(*names))

    for number in range(3):
        store.record("decisions", a_decision(f"r-{number}"))

    assert (len(made), store.counts()["decisions"]) == (1, 3)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ('{"x": NaN}', '{"x":"NaN"}'),
        ('{"x": [Infinity, -Infinity, {"y": NaN}]}', '{"x":["Infinity","-Infinity",{"y":"NaN"}]}'),
        ('{"x": 1e400}', '{"x":"Infinity"}'),
        ('{"b": 0.1, "a": "\u00e4", "c": null}', '{"a":"\\u00e4","b":0.1,"c":null}'),
    ],
)
def test_what_a_signal_carries_is_stored_as_json(store, sent, stored):
    event = a_signal().model_dump_json().replace('{"n":0}', sent)

    store.record("signals", Signal.model_validate_json(event))

    with store.engine.connect() as connection:
        assert connection.execute(text("select data from signals")).scalar_one() == stored


def test_an_event_twice_in_one_batch_counts_once(store):
    assert store.record_all("signals", [a_signal(1), a_signal(2), a_signal(1)]) == [True, True, False]

    assert store.counts()["signals"] == 2


def test_a_batch_that_fails_leaves_nothing(store):
    with pytest.raises(TypeError):
        store.record_all("signals", [a_signal(1), Event(event_id="unknown")])

    assert store.counts()["signals"] == 0
    assert store.record("signals", a_signal(1)) is True


def test_a_tip_that_was_never_shown_is_no_round(store):
    store.record("decisions", a_decision())

    assert list(store.rounds(LATER)) == []


def test_a_round_closes_when_its_waiting_time_is_over(store):
    store.record("decisions", a_decision())
    store.record("feedback", a_feedback(reaction="shown"))

    wait = timedelta(hours=24)
    before, after = list(store.rounds(NOON + wait - timedelta(seconds=1))), list(store.rounds(NOON + wait))

    assert (before, [item.reward for item in after]) == ([], [0.0])


def test_feedback_may_come_before_its_decision(store):
    store.record("feedback", a_feedback())
    store.record("decisions", a_decision())

    assert [item.reward for item in store.rounds(LATER)] == [1.0]


def test_a_late_reaction_corrects(store):
    store.record("decisions", a_decision())
    store.record("feedback", a_feedback(reaction="shown"))
    before = [item.reward for item in store.rounds(LATER)]

    store.record("feedback", a_feedback(reaction="completed", minutes=3 * 24 * 60))

    assert (before, [item.reward for item in store.rounds(LATER)]) == ([0.0], [1.0])


def test_a_reaction_to_another_candidate_says_nothing_about_the_choice(store):
    store.record("decisions", a_decision())
    store.record("feedback", a_feedback(candidate="c-2"))

    assert list(store.rounds(LATER)) == []


def test_the_first_decision_of_a_request_stands(store):
    store.record("decisions", a_decision(event="d-1"))
    store.record("decisions", a_decision(event="d-2", minutes=5))
    store.record("feedback", a_feedback())

    assert [item.decision.event_id for item in store.rounds(LATER)] == ["d-1"]


def test_rounds_come_in_order_of_time_over_many_pages(store):
    places = list(range(1_203))
    store.record_all("decisions", [a_decision(f"r-{place}", minutes=-place) for place in places])
    store.record_all("feedback", [a_feedback(f"r-{place}") for place in places])

    times = [item.decision.decided_at for item in store.rounds(LATER)]

    assert len(times) == len(places)
    assert times == sorted(times)


def test_two_may_open_it_at_once(store_url):
    failures = []

    def opened():
        try:
            Store.open(store_url).close()
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=opened) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_tables_that_are_older_than_an_index_get_it(store, store_url):
    def names():
        return {index["name"] for index in inspect(store.engine).get_indexes("generations")}

    with store.engine.begin() as connection:
        connection.execute(text("drop index generations_by_request"))
    before = names()
    Store.open(store_url).close()

    assert names() - before == {"generations_by_request"}


def test_tallies_count_over_many_pages(store):
    feedback = [a_feedback(f"r-{number}") for number in range(PAGE_SIZE + 1)]
    store.record_all("feedback", feedback)
    store.record_all("decisions", [a_decision("r-0"), a_decision("r-0", "another"), tip("r-0", NOON)])

    found = {key: tally for page in store.request_counts() for key, tally in page.items()}

    assert len(found) == PAGE_SIZE + 1
    assert (found["r-0"], found["r-1"]) == (RequestCounts(1, 2, 1), RequestCounts(1, 0, 0))


def test_a_database_that_is_not_there_is_unavailable():
    with pytest.raises(StoreUnavailable):
        Store.open("postgresql+psycopg://nobody@127.0.0.1:1/none")


def test_tips_and_predictions_come_in_the_order_of_their_ids(store):
    tips = [tip(f"r-{place:03}", NOON) for place in range(PAGE_SIZE + 1)]
    store.record_all("decisions", tips[::-1])
    store.record_all("predictions", [prediction("r-1", NOON, 2.5), prediction("r-1", NOON, 3.5, "shadow")])

    assert list(store.tips()) == tips
    assert [item.latency_ms for item in store.predictions()] == [2.5, 3.5]


def test_what_was_stored_when_ids_had_no_grammar_is_still_a_round(store):
    old = {"request_id": "a\r\nx: 1"}
    store.record("decisions", a_decision().model_copy(update=old))
    store.record("feedback", a_feedback().model_copy(update=old))

    assert [item.decision.request_id for item in store.rounds(LATER)] == [old["request_id"]]
