"""Limits that fit together: the event of the largest call fits into one message, as a dead letter too."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from oo_contracts.events import ScoreDecision
from oo_contracts.limits import (
    MAX_BODY_BYTES,
    MAX_CANDIDATES,
    MAX_EVENT_BYTES,
    MAX_NAME_LENGTH,
    MAX_PROFILE_KEYS,
    MAX_TASKS,
)
from oo_serving.asgi import FastPathMiddleware
from oo_serving.body import BodyLimits

WIDE = "\U0001f600"  # four bytes of UTF-8
QUOTE = '"'  # two bytes of JSON
LATER = "2026-11-23T08:59:59.123456+05:30"


def name(place, sign):
    return f"{place}".ljust(MAX_NAME_LENGTH, sign)


def call(sign, count=MAX_TASKS, candidates=None):
    tasks = [
        {"id": name(place, sign), "due": {"date": LATER, "is_recurring": True}, "added_at": LATER, "priority": 4}
        for place in range(count)
    ]
    body = {"user_id": name("u", sign), "request_id": name("r", sign), "tasks": tasks}
    if candidates:
        body["candidates"] = [
            {"id": name(f"c{place}", sign), "task_id": name(place, sign), "prompt_version": name("p", sign)}
            for place in range(candidates)
        ]
    ages = {name(place, sign): LATER for place in range(MAX_PROFILE_KEYS)}
    profile = {"preferred_hour": "x" * 100_000, "tip_volume_7d": [0] * 1_000, "completion_rate_30d": 10**4_000}
    return body | {"profile_features": profile, "profile_computed_at": ages}


LARGE = {
    "1,000 tasks with ids of emoji": call(WIDE),
    "1,000 tasks with ids of quotes": call(QUOTE),
    "500 tasks and 500 candidates with long ids": call("x", 500, MAX_CANDIDATES),
    "500 tasks and 500 candidates with ids of emoji": call(WIDE, 500, MAX_CANDIDATES),
}


@pytest.mark.parametrize("case", LARGE)
async def test_the_event_of_a_call_at_the_limits_fits_into_a_message(fakes, case):
    app = fakes.app()
    fakes.app = lambda: FastPathMiddleware(
        app.app, replace(app.fast_path, limits=BodyLimits(MAX_BODY_BYTES)), app.passed_through
    )
    content = json.dumps(LARGE[case], ensure_ascii=False).encode()

    async with fakes.client() as client:
        reply = await client.post("/score", content=content, headers={"content-type": "application/json"})

    assert reply.status_code == 200, reply.text[:300]
    [(_, event)] = fakes.outbox.events
    assert len(event.encode()) <= MAX_EVENT_BYTES
    assert len(event.encode()) > 100_000
    assert all(len(str(value)) < 100 for value in ScoreDecision.read(event).moment.profile.values())
