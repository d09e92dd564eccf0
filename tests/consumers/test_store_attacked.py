"""The effect store under misuse: the same suite on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from example_events import NOON, a_decision, a_feedback, a_prediction, a_signal
from oo_consumers.database import transact
from oo_consumers.effect_store import Store, StoreError, StoreUnavailable, Unstorable
from oo_contracts.events import GenerateDecision
from oo_contracts.generate import Usage
from oo_contracts.task import TaskFacts
from sqlalchemy import event, text

LATER = NOON + timedelta(days=3)


def a_generation():
    return GenerateDecision(
        event_id="g-1",
        request_id="r-1",
        user_id="u-1",
        decided_at=NOON,
        candidate_id=None,
        prompt_version="v1",
        prompt_digest="d",
        model="small",
        fallback="timeout",
        usage=Usage(),
        latency_ms=1.5,
    )


def test_generations_and_predictions_count_once_too(store):
    news = [store.record("decisions", a_generation()), store.record("predictions", a_prediction())]
    again = [store.record("decisions", a_generation()), store.record("predictions", a_prediction())]

    assert (news, again) == ([True, True], [False, False])
    assert (store.counts()["generations"], store.counts()["predictions"]) == (1, 1)


def test_an_empty_batch_does_nothing(store):
    assert store.record_all("signals", []) == []


def test_a_batch_may_hold_every_kind_of_event(store):
    facts = [a_signal(), a_generation(), a_decision(), a_feedback(), a_prediction(), a_signal()]

    assert store.record_all("mixed", facts) == [True, True, True, True, True, False]


def test_two_sources_do_not_share_their_ids(store):
    first = store.record("signals", a_signal(1))
    second = store.record("feedback", a_feedback(event="s-1"))

    assert (first, second) == (True, True)


def test_the_first_of_two_decisions_in_one_batch_stands_and_the_other_is_counted(store):
    store.record_all(
        "decisions", [a_decision(event="d-1"), a_decision(event="d-2", minutes=5), a_decision(event="d-1")]
    )
    store.record("feedback", a_feedback())

    with store.engine.begin() as connection:
        repeats = connection.execute(text("select repeats from decisions")).scalar_one()
    assert [item.decision.event_id for item in store.rounds(LATER)] == ["d-1"]
    assert repeats == 1


def test_a_round_gives_back_the_decision_exactly(store):
    tasks = (
        TaskFacts(id="a", due=date(2026, 11, 20)),
        TaskFacts(id="b", due=datetime(2026, 11, 20, 9)),  # noqa: DTZ001  # Todoist's floating time
        TaskFacts(id="c", due=NOON, created_at=NOON),
    )
    made = a_decision()
    moment = made.moment.model_copy(update={"tasks": tasks, "profile": {"x": 0.1 + 0.2, "y": None, "z": "ü\u2028"}})
    row = tuple(random.Random(1).random() for _ in range(24))
    candidate = made.candidates[0].model_copy(update={"row": (*row, 1e-45, -0.0, 1e308)})
    decision = made.model_copy(update={"moment": moment, "candidates": (candidate,)})

    store.record("decisions", decision)
    store.record("feedback", a_feedback())

    assert [item.decision for item in store.rounds(LATER)] == [decision]


def test_the_order_of_arrival_changes_nothing(store):
    facts = [("decisions", a_decision(f"r-{place}", minutes=place)) for place in range(40)]
    reactions = ("shown", "clicked", "completed", "dismissed")
    for place in range(40):
        chosen = reactions[: place % 5]
        facts += [("feedback", a_feedback(f"r-{place}", reaction, minutes=place)) for reaction in chosen]
    worth = (None, 0.0, 0.4, 1.0, 1.0)
    expected = [(f"r-{place}", worth[place % 5]) for place in range(40) if place % 5]

    random.Random(7).shuffle(facts)
    for source, fact in facts:
        store.record(source, fact)

    assert [(item.decision.request_id, item.reward) for item in store.rounds(LATER)] == expected


def test_an_instant_is_the_same_in_every_zone(store):
    tokyo = timezone(timedelta(hours=9))
    store.record("decisions", a_decision("r-late", minutes=1))
    store.record("decisions", a_decision("r-soon").model_copy(update={"decided_at": NOON.astimezone(tokyo)}))
    shown = a_feedback("r-soon").model_copy(update={"occurred_at": NOON.astimezone(tokyo)})
    store.record("feedback", shown)
    store.record("feedback", a_feedback("r-late"))

    rounds = list(store.rounds(LATER))

    assert [item.decision.request_id for item in rounds] == ["r-soon", "r-late"]
    assert rounds[0].shown_at == NOON
    assert store.reactions("r-soon")[0].occurred_at.utcoffset() == timedelta(0)


def test_decisions_of_one_instant_are_all_read_over_many_pages(store):
    names = [f"r-{place:04}" for place in range(1_203)]
    store.record_all("decisions", [a_decision(name) for name in names])
    store.record_all("feedback", [a_feedback(name) for name in names])

    assert sorted(item.decision.request_id for item in store.rounds(LATER)) == names


def test_rounds_are_read_a_page_at_a_time(store):
    store.record_all("decisions", [a_decision(f"r-{place}", minutes=place) for place in range(1_203)])
    store.record_all("feedback", [a_feedback(f"r-{place}") for place in range(1_203)])
    asked = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    next(iter(store.rounds(LATER)))

    assert len(asked) == 2


def test_a_nothing_chosen_is_no_round(store):
    store.record("decisions", a_decision(chosen=None))
    store.record("feedback", a_feedback())

    assert list(store.rounds(LATER)) == []


def test_the_same_events_from_many_threads_count_once(store):
    events = [a_signal(place) for place in range(200)]
    news, failures = [], []

    def written(seed):
        mine = random.Random(seed).sample(events, len(events))
        try:
            for start in range(0, len(mine), 20):
                news.extend(store.record_all("signals", mine[start : start + 20]))
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=written, args=[seed]) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert (sum(news), store.counts()["signals"]) == (200, 200)


def test_four_processes_may_open_it_at_once(store_url):
    program = "import sys; from oo_consumers.effect_store import Store; Store.open(sys.argv[1]).close()"
    command = [sys.executable, "-P", "-c", program, store_url]

    started = [subprocess.Popen(command) for _ in range(4)]

    assert [process.wait(60) for process in started] == [0] * 4


def test_tables_that_are_gone_are_unavailable_and_not_the_fault_of_the_event(store):
    with store.engine.begin() as connection:
        connection.execute(text("drop table signals"))

    with pytest.raises(StoreUnavailable, match="signals"):
        store.record("signals", a_signal())


def test_a_database_made_by_a_newer_program_is_refused(store, store_url):
    with store.engine.begin() as connection:
        connection.execute(text("update schema_versions set version = 99"))

    with pytest.raises(StoreError, match="version 99") as refused:
        Store.open(store_url)

    assert not isinstance(refused.value, StoreUnavailable)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        pytest.param(a_prediction("9" * 100), "model_version: longer than 64 characters", id="longer than its column"),
        pytest.param(a_signal().model_copy(update={"user_id": "u\x00"}), "user_id: has a NUL", id="a NUL in a text"),
    ],
)
def test_what_postgresql_refuses_is_the_fault_of_the_event_in_every_database(store, fact, reason):
    with pytest.raises(Unstorable) as refused:
        store.record_all("any", [a_signal(5), fact, a_signal(6)])

    assert refused.value.reasons == {1: reason}
    assert store.record_all("any", [a_signal(5), a_signal(6)]) == [True, True]


def test_what_just_fits_its_column_is_stored(store):
    assert store.record("any", a_prediction("9" * 64)) is True


@pytest.mark.parametrize("url", ["", "no url", "mysql://host/name", "sqlite+aiosqlite:///x"])
def test_a_url_that_is_not_ours_is_refused_with_what_it_could_be(url):
    with pytest.raises(StoreError, match=r"postgresql\+psycopg") as refused:
        Store.open(url)

    assert not isinstance(refused.value, StoreUnavailable)


def test_an_unavailable_database_does_not_tell_its_password():
    with pytest.raises(StoreUnavailable) as refused:
        Store.open("postgresql+psycopg://nobody:secret@127.0.0.1:1/none")

    assert "secret" not in str(refused.value)


def test_a_path_that_cannot_be_is_unavailable(tmp_path):
    with pytest.raises(StoreUnavailable):
        Store.open(f"sqlite:///{tmp_path}/no/folder/effects.db")


def test_a_file_that_is_no_database_is_a_store_error(tmp_path):
    (tmp_path / "effects.db").write_bytes(b"x" * 10_000)

    with pytest.raises(StoreError):
        Store.open(f"sqlite:///{tmp_path}/effects.db")


def test_a_reader_does_not_wait_for_the_writer(store):
    store.record("signals", a_signal(1))
    with store.engine.begin() as connection:
        connection.execute(text("insert into inbox values ('x', 'y')"))

        assert store.counts()["signals"] == 1


def test_instants_are_kept_to_the_microsecond(store):
    at = datetime(2026, 11, 20, 12, 0, 0, 1, tzinfo=UTC)
    store.record("feedback", a_feedback().model_copy(update={"occurred_at": at}))

    assert store.reactions("r-1")[0].occurred_at == at


def test_a_plain_postgresql_url_needs_no_driver_in_it(postgres):
    store = Store.open(postgres.replace("+psycopg", ""))

    assert store.counts()["signals"] >= 0
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "select 1 / 0",
        "select cast('x' as integer)",
        "select cast(3000000000 as integer)",
        "insert into inbox values ('x', null)",
    ],
)
def test_what_postgresql_itself_refuses_is_no_fault_of_the_database(postgres, statement):
    """Trying it again would change nothing."""
    store = Store.open(postgres)

    with pytest.raises(StoreError) as refused:
        transact(store.engine, lambda connection: connection.execute(text(statement)))

    store.close()
    assert not isinstance(refused.value, StoreUnavailable)
