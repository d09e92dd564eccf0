"""The effect store: the same suite on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from facts_made import NOON, a_decision, a_feedback, a_signal
from oo_consumers.store import PAGE, Store, StoreError, Tally, Unavailable
from oo_contracts.events import Event
from reports_made import prediction, tip
from sqlalchemy import inspect, text

LATER = NOON + timedelta(days=3)


def test_the_same_event_twice_counts_once(store):
    assert store.record("feedback", a_feedback()) is True
    assert store.record("feedback", a_feedback()) is False

    assert [item.reaction for item in store.reactions("r-1")] == ["completed"]


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
    feedback = [a_feedback(f"r-{number}") for number in range(PAGE + 1)]
    store.record_all("feedback", feedback)
    store.record_all("decisions", [a_decision("r-0"), a_decision("r-0", "another"), tip("r-0", NOON)])

    found = {key: tally for page in store.tallies() for key, tally in page.items()}

    assert len(found) == PAGE + 1
    assert (found["r-0"], found["r-1"]) == (Tally(1, 2, 1), Tally(1, 0, 0))


def test_a_database_that_is_not_there_is_unavailable():
    with pytest.raises(Unavailable):
        Store.open("postgresql+psycopg://nobody@127.0.0.1:1/none")


def test_tips_and_predictions_come_in_the_order_of_their_ids(store):
    tips = [tip(f"r-{place:03}", NOON) for place in range(PAGE + 1)]
    store.record_all("decisions", tips[::-1])
    store.record_all("predictions", [prediction("r-1", NOON, 2.5), prediction("r-1", NOON, 3.5, "shadow")])

    assert list(store.generated()) == tips
    assert [item.latency_ms for item in store.predicted()] == [2.5, 3.5]
