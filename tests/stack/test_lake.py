"""What was served and how people reacted lands in the offline log, and the rounds there are the effect store's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nats_reader import publish
from oo_consumers.effect_store import Store
from oo_consumers.lake.delta import Lake
from oo_pipelines.training.lake_rounds import closed_rounds
from waiting import eventually

ASK = {"user_id": "u-lake", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}
pytestmark = pytest.mark.embedded("reads the folder of the stack's offline log")


def test_rounds_of_the_log_are_those_of_the_store(stack):
    request = stack.post("/score", ASK).json()["request_id"]
    shown = datetime.now(UTC) - timedelta(days=2)  # so that the round's waiting time is over
    said = {"request_id": request, "candidate_id": "t-1", "user_id": "u-lake", "occurred_at": shown.isoformat()}
    publish(stack, "feedback.completed", said | {"event_id": f"f-{request}", "reaction": "completed"})
    lake, store, now = Lake(str(Path(stack.data) / "lake")), Store.open(stack.store_url), datetime.now(UTC)

    def stored():
        return {item.decision.request_id: item for item in store.rounds(now)}

    def logged():
        return {item.decision.request_id: item for item in closed_rounds(lake, now)}

    assert eventually(lambda: request in stored(), patience=60)  # either may be the first to have read so far
    assert eventually(lambda: request in logged(), patience=60)
    assert logged() == stored()
    store.close()
