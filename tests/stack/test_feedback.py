"""From a decision to its reward: feedback counts once, and the next training uses it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from nats_reader import publish
from oo_consumers.effect_store import Store
from waiting import eventually

ASK = {"user_id": "u-feedback", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}


def feedback(request: str, reaction: str, occurred_at: datetime) -> dict:
    return {
        "event_id": str(uuid.uuid4()),
        "request_id": request,
        "candidate_id": "t-1",
        "user_id": ASK["user_id"],
        "reaction": reaction,
        "occurred_at": occurred_at.isoformat(),
    }


@pytest.fixture
def store(stack):
    store = Store.open(stack.store_url)
    yield store
    store.close()


def test_feedback_published_three_times_counts_once(stack, store):
    request = stack.post("/score", ASK).json()["request_id"]
    event = feedback(request, "completed", datetime.now(UTC))

    for msg_id in (None, event["event_id"], f"{event['event_id']}-again"):
        publish(stack, "feedback.completed", event, msg_id)

    after = feedback(request, "clicked", datetime.now(UTC))
    publish(stack, "feedback.clicked", after)
    assert eventually(lambda: "clicked" in {item.reaction for item in store.reactions(request)}, patience=60)
    assert sorted(item.reaction for item in store.reactions(request)) == ["clicked", "completed"]


def closed(store, now=None):
    """How many rounds are closed at an instant, else now: some of the simulated ones may close at any moment."""
    return sum(1 for _ in store.rounds(now or datetime.now(UTC)))


def test_training_uses_the_feedback(stack, store):
    now = datetime.now(UTC)
    before = closed(store, now)
    request = stack.post("/score", ASK).json()["request_id"]
    shown = now - timedelta(days=2)  # so that the round's waiting time is over

    publish(stack, "feedback.completed", feedback(request, "completed", shown))

    assert eventually(lambda: closed(store, now) == before + 1, patience=60)
    least = closed(store)
    outcome = stack.train()
    assert least <= outcome["rounds"] <= closed(store)
    assert outcome["alias"] == "challenger"
