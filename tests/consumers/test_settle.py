"""How one batch ends, message by message: stored, tried again, or a dead letter. The store is a real SQLite file."""

from __future__ import annotations

import pytest
from facts_made import a_decision, a_feedback, a_signal
from oo_consumers.store import Store, StoreError, Unavailable
from oo_consumers.subscription import LONGEST, MAX_DELIVER, SUBSCRIPTIONS, settle

DURABLES = {item.durable: item for item in SUBSCRIPTIONS}
LATE_YEAR_ONE = '"0001-01-01T00:00:00+14:00"'  # valid, and before year 1 in UTC


class Told:
    """A message that remembers what the server was told."""

    def __init__(self, data, subject="signals.app_opened", deliveries=1):
        self.data = data if isinstance(data, bytes) else data.model_dump_json().encode()
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
        self.store, self.error, self.event_id = store, error, event_id

    def record_all(self, source, facts):
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


@pytest.mark.parametrize("error", [StoreError("too long"), KeyError("a bug")], ids=["refused", "a bug"])
async def test_an_event_that_fails_every_time_becomes_a_dead_letter_with_its_reason(store, error):
    message = Told(a_signal(1), deliveries=MAX_DELIVER)

    reasons = await settled(Failing(store, error, "s-1"), message)

    assert message.fate == ["ack"]
    assert type(error).__name__ in reasons[0]


async def test_an_event_waits_for_its_database_however_often_it_was_delivered(store):
    message = Told(a_signal(1), deliveries=5_000)

    reasons = await settled(Failing(store, Unavailable("gone"), "s-1"), message)

    assert (message.fate, reasons) == ([LONGEST], [])


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


async def test_a_generation_on_the_subject_of_scores_is_unreadable(store):
    message = Told(a_feedback(), "decisions.generate")

    reasons = await settled(store, message, durable="decisions")

    assert message.fate == ["ack"]
    assert reasons[0].startswith("unreadable: user_id") or reasons[0].startswith("unreadable: decided_at")
