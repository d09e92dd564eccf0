"""How one batch ends, message by message: stored, tried again, or a dead letter. The store is a real SQLite file."""

from __future__ import annotations

import asyncio
import json
import math

import pytest
from example_events import a_decision, a_feedback, a_prediction, a_signal
from oo_consumers.effect_store import Store, StoreError, StoreUnavailable
from oo_consumers.subscription import MAX_DELIVER, MAX_RETRY_DELAY_S, SUBSCRIPTIONS, settle
from oo_contracts import subjects
from oo_contracts.events import Signal

DURABLES = {item.durable: item for item in SUBSCRIPTIONS}
LATE_YEAR_ONE = '"0001-01-01T00:00:00+14:00"'  # valid, and before year 1 in UTC


class Told:
    """A message that remembers what the server was told."""

    def __init__(self, data, subject="signals.app_opened", deliveries=1):
        self.data = data if isinstance(data, bytes) else data.encode()
        self.subject, self.deliveries, self.headers, self.place, self.fate = subject, deliveries, {}, "SIGNALS:1", []

    async def ack(self):
        self.fate.append("ack")

    async def nak(self, delay):
        self.fate.append(delay)


class Letters:
    """Dead letters in a list."""

    def __init__(self):
        self.reasons = []

    async def put(self, durable, message, reason):
        self.reasons.append(reason)


class Failing:
    """A store that fails whenever a certain event is in the batch."""

    def __init__(self, store, error, event_id):
        self.store, self.error, self.event_id, self.transactions = store, error, event_id, 0

    def record_all(self, source, facts):
        self.transactions += 1
        if any(fact.event_id == self.event_id for fact in facts):
            raise self.error
        return self.store.record_all(source, facts)


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    yield store
    store.close()


async def settled(store, *messages, durable="signals"):
    letters = Letters()
    await settle(messages, DURABLES[durable], store, letters)
    return letters.reasons


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(StoreError("too long"), id="refused by the database"),
        pytest.param(KeyError("a bug"), id="a bug in the handler"),
        pytest.param(RecursionError("a bug"), id="a bug that recurses"),
    ],
)
async def test_one_bad_event_does_not_hold_up_the_others_of_its_batch(store, error):
    messages = [Told(a_signal(place)) for place in range(3)]

    reasons = await settled(Failing(store, error, "s-1"), *messages)

    assert [message.fate for message in messages] == [["ack"], [2.0], ["ack"]]
    assert (store.counts()["signals"], reasons) == (2, [])


async def test_one_bad_event_of_many_costs_few_transactions(store):
    messages = [Told(a_signal(number)) for number in range(200)]
    failing = Failing(store, StoreError("refused"), "s-150")

    await settled(failing, *messages)

    assert [number for number, message in enumerate(messages) if message.fate != ["ack"]] == [150]
    assert store.counts()["signals"] == 199
    assert failing.transactions <= 2 * math.ceil(math.log2(200)) + 1


async def test_each_event_is_answered_once_while_the_database_goes_away_in_the_middle(store):
    messages = [Told(a_signal(number)) for number in range(8)]
    flaky = Failing(Failing(store, StoreUnavailable("gone"), "s-6"), StoreError("refused"), "s-1")

    done = await settle(messages, DURABLES["signals"], flaky, Letters())

    assert done is False
    assert [message.fate for message in messages] == [["ack"], [2.0], ["ack"], ["ack"], *[[2.0]] * 4]


async def test_what_no_column_holds_is_a_dead_letter_at_once_and_the_others_are_stored(store):
    bad, good = Told(a_prediction("9" * 65)), Told(a_prediction("1" * 64))

    reasons = await settled(store, good, bad, durable="predictions")

    assert (bad.fate, good.fate, store.counts()["predictions"]) == (["ack"], ["ack"], 1)
    assert reasons == ["refused: model_version: longer than 64 characters"]


async def test_a_batch_needs_no_task_for_each_of_its_messages(store):
    """Each task costs turns of the loop; at hundreds of events a second that is what consuming would cost most."""
    made = []
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, work, **kwargs: made.append(work) or asyncio.Task(work, loop=loop, **kwargs))
    messages = [Told(a_signal(number)) for number in range(200)]

    await settled(store, *messages)

    assert {tuple(message.fate) for message in messages} == {("ack",)}
    assert len(made) < 10


async def test_the_dead_letters_of_a_batch_do_not_wait_for_each_other(store):
    class Waiting(Letters):
        both = asyncio.Barrier(2)

        async def put(self, durable, message, reason):
            await self.both.wait()
            await super().put(durable, message, reason)

    messages = [Told(b""), Told(b"{}")]
    letters = Waiting()

    await asyncio.wait_for(settle(messages, DURABLES["signals"], store, letters), 20)

    assert [message.fate for message in messages] == [["ack"], ["ack"]]
    assert len(letters.reasons) == 2


@pytest.mark.parametrize("error", [StoreError("too long"), KeyError("a bug")], ids=["refused", "a bug"])
async def test_an_event_that_fails_every_time_becomes_a_dead_letter_with_its_reason(store, error):
    message = Told(a_signal(1), deliveries=MAX_DELIVER)

    reasons = await settled(Failing(store, error, "s-1"), message)

    assert message.fate == ["ack"]
    assert type(error).__name__ in reasons[0]


async def test_an_event_waits_for_its_database_however_often_it_was_delivered(store):
    message = Told(a_signal(1), deliveries=5_000)

    reasons = await settled(Failing(store, StoreUnavailable("gone"), "s-1"), message)

    assert (message.fate, reasons) == ([MAX_RETRY_DELAY_S], [])


@pytest.mark.parametrize(
    ("durable", "subject", "data"),
    [
        pytest.param(
            "signals",
            "signals.app_opened",
            f'{{"event_id":"x","user_id":"u","type":"t","occurred_at":{LATE_YEAR_ONE}}}'.encode(),
            id="an instant that has no UTC",
        ),
        pytest.param(
            "signals",
            "signals.app_opened",
            a_signal().model_dump_json().encode().replace(b'{"n":0}', b'{"n":' + b"9" * 4_301 + b"}"),
            id="a number that cannot be written",
        ),
        pytest.param(
            "decisions",
            "decisions.score",
            a_decision()
            .model_dump_json()
            .encode()
            .replace(b'"profile":null', b'"profile":{"x":' + b"9" * 4_301 + b"}"),
            id="a profile that cannot be written",
        ),
        pytest.param("signals", "signals.app_opened", b"[" * 100_000, id="deep"),
        pytest.param("signals", "signals.app_opened", b"", id="empty"),
    ],
)
async def test_poison_that_passes_the_schema_is_settled_and_the_next_event_is_stored(store, durable, subject, data):
    poison = Told(data, subject, deliveries=MAX_DELIVER)
    good = Told(a_signal(7)) if durable == "signals" else Told(a_decision("r-7"), subject)

    await settled(store, poison, good, durable=durable)

    assert (poison.fate, good.fate) == (["ack"], ["ack"])
    assert store.counts()[durable] >= 1


async def test_a_reason_is_one_line_whatever_the_event_said(store):
    poison = b'{"a\\r\\nNats-Msg-Id: forged\\u0000\\u2028":"x"}'.join(
        [
            a_decision().model_dump_json().encode().split(b'"profile_computed_at":null')[0] + b'"profile_computed_at":',
            b"}}",
        ]
    )

    reasons = await settled(store, Told(poison, "decisions.score"), durable="decisions")

    assert reasons[0].startswith("unreadable")
    assert reasons[0].isprintable()


@pytest.mark.parametrize(
    ("found", "written", "reason"),
    [
        (b'"propensity":1.0}', b'"propensity":"float64:AAAA"}', "unreadable: candidates: propensity has 3 bytes"),
        (b'"value":0.5', b'"value":"float32:AAA="', "unreadable: candidates: value has 2 bytes"),
        (b'"id":["c-1"]', b'"id":[0]', "unreadable: candidates: id has an index beyond the last"),
        (b'"timezone":"UTC"', b'"timezone":7', "unreadable: context.timezone: "),
        (b'"chosen_id":0', b'"chosen_id":1', "unreadable: chosen_id: has an index beyond the last"),
    ],
)
async def test_malformed_columns_are_a_dead_letter_that_names_them(store, found, written, reason):
    data = a_decision().in_columns().encode()
    bad, good = Told(data.replace(found, written, 1), "decisions.score"), Told(data, "decisions.score")
    assert bad.data != good.data

    reasons = await settled(store, bad, good, durable="decisions")

    assert [text.startswith(reason) for text in reasons] == [True]
    assert (bad.fate, good.fate, store.counts()["decisions"]) == (["ack"], ["ack"], 1)


async def test_decisions_in_rows_and_in_columns_are_stored_as_they_were_published(store):
    rows, columns = a_decision("r-1"), a_decision("r-2").in_columns()

    assert await settled(store, *(Told(item, "decisions.score") for item in (rows, columns)), durable="decisions") == []

    assert [item.event.encode() for item in store.stored_decisions()] == [rows.encode(), columns.encode()]
    assert list(store.decisions()) == [rows, columns]


async def test_a_generation_on_the_subject_of_scores_is_unreadable(store):
    message = Told(a_feedback(), "decisions.generate")

    reasons = await settled(store, message, durable="decisions")

    assert message.fate == ["ack"]
    assert reasons[0].startswith("unreadable: user_id") or reasons[0].startswith("unreadable: decided_at")


@pytest.mark.parametrize("name", ["a\r\nNats-Msg-Id: forged", "a\x00", "\x1b[2K", "a\u2028b"])
@pytest.mark.parametrize("field", ["event_id", "request_id", "candidate_id", "user_id"])
async def test_an_id_that_cannot_be_seen_is_a_dead_letter_that_names_its_field(store, field, name):
    message = Told(a_feedback().model_copy(update={field: name}), subject="feedback.completed")

    reasons = await settled(store, message, durable="feedback")

    assert (message.fate, store.counts()["reactions"]) == (["ack"], 0)
    assert reasons == [
        f"unreadable: {field}: must be visible characters: no line breaks, no control characters, not only spaces"
    ]


@pytest.mark.parametrize("field", ["event_id", "request_id", "candidate_id", "user_id"])
async def test_an_id_that_is_a_number_is_its_text(store, field):
    event = json.loads(a_feedback().model_dump_json()) | {field: 2995104339}
    message = Told(json.dumps(event).encode(), subject="feedback.completed")

    reasons = await settled(store, message, durable="feedback")

    assert (message.fate, reasons, store.counts()["reactions"]) == (["ack"], [], 1)


@pytest.mark.parametrize("number", [True, 1.5, [], None, -(2**63) - 1, 2**64])
async def test_another_number_is_none(store, number):
    event = json.loads(a_feedback().model_dump_json()) | {"user_id": number}

    reasons = await settled(store, Told(json.dumps(event).encode(), subject="feedback.completed"), durable="feedback")

    assert reasons == ["unreadable: user_id: Input should be text or a whole number"]


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("item:completed", "item_completed"),
        ("item:added", "item_added"),
        ("reminder:fired", "reminder_fired"),
        ("Project.Archived", "project_archived"),
        ("note-updated", "note_updated"),
        ("app_opened", "app_opened"),
    ],
)
async def test_todoists_names_of_events_are_kinds_of_signals(store, kind, kept):
    event = json.loads(a_signal().model_dump_json()) | {"type": kind}
    message = Told(json.dumps(event).encode(), subject=f"signals.{kind}")

    reasons = await settled(store, message)

    assert (message.fate, reasons, store.counts()["signals"]) == (["ack"], [], 1)
    assert Signal.model_validate(event).type == kept
    assert subjects.signal_subject(kind) == f"signals.{kept}"


@pytest.mark.parametrize("kind", ["", "a b", "a*", ">", "ä", ":completed", "x" * 65, "a\n", 5])
async def test_what_can_be_no_kind_is_a_dead_letter(store, kind):
    event = json.loads(a_signal().model_dump_json()) | {"type": kind}

    reasons = await settled(store, Told(json.dumps(event).encode()))

    assert len(reasons) == 1
    assert reasons[0].startswith("unreadable: type: ")
