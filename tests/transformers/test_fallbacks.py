"""Every feature with every wrong value, through served calls: 200, the fallback in the row, one entry, one count."""

from __future__ import annotations

import dataclasses
import json
import struct
from datetime import UTC, datetime, timedelta

import pytest
from oo_contracts.events import ScoreDecision
from oo_contracts.score import Candidate
from oo_contracts.task import TaskFacts
from oo_contracts.task_columns import CandidateColumns
from oo_features.feature import check_value
from oo_features.feature_context import FeatureContext
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import RANKER_V1
from oo_features.profile_age import MAX_CLOCK_SKEW
from oo_features.profile_schema import PROFILE_FEATURES
from oo_transformers.metrics import FALLBACKS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # by the clock of the fakes
A_TASK = TaskFacts(id="t-1")
CANDIDATES = CandidateColumns.from_candidates([Candidate(id="c-1", task_id="t-1")])
TASK = {"id": "t-1", "content": "Pay the rent", "priority": 4, "due": {"date": "2026-11-23"}}
TASKS = [TASK, TASK | {"id": "t-2"}]
SOUND = {item.name: 0.25 if item.dtype == "float32" else 3 for item in PROFILE_FEATURES}

# As they stand in the body: JSON has no NaN, but Python, and many a JavaScript library before it, writes one.
WRONG = {
    "null": ("null", "null"),
    "absent": (None, "missing"),
    "text for a number": ('"0.25"', "invalid"),
    "a boolean for a number": ("true", "invalid"),
    "NaN": ("NaN", "invalid"),
    "Infinity": ("Infinity", "invalid"),
    "-Infinity": ("-Infinity", "invalid"),
    "NaN as text": ('"NaN"', "invalid"),
    "beyond a double": ("1e400", "invalid"),
    "beyond a float32": ("1e39", "invalid"),
    "an integer of 100 digits": ("9" * 100, "invalid"),
    "an integer beyond 64 bits": ("9223372036854775808", "invalid"),
    "a negative one beyond them": ("-9223372036854775809", "invalid"),
    "an integer of 4,000 digits": ("9" * 4_000, "invalid"),
    "a long text": (f'"{"x" * 50_000}"', "invalid"),
    "a long list": ("[" + "0," * 1_000 + "0]", "invalid"),
    "a list": ("[3]", "invalid"),
    "an object": ('{"value": 3}', "invalid"),
    "below its range": ("-1", "out_of_range"),
}


def body(feature, text):
    """A sound call with two candidates, but for one feature, whose value is put in as it is written."""
    sound = {name: value for name, value in SOUND.items() if name != feature}
    profile = json.dumps(sound)[:-1] + ("}" if text is None else f', "{feature}": {text}}}')
    return f'{{"user_id": "u-1", "tasks": {json.dumps(TASKS)}, "profile_features": {profile}}}'


def counted(feature, reason):
    return FALLBACKS.labels(feature, reason)._value.get()


async def served(fakes, text):
    """The answer and the event's first row by name; what belongs to the call is the same in every row."""
    async with fakes.client() as client:
        reply = await client.post("/score", content=text, headers={"content-type": "application/json"})
    assert reply.status_code == 200, reply.text
    event = ScoreDecision.read(fakes.outbox.events[-1][1])
    shared = len(RANKER_V1.context) + len(RANKER_V1.profile)
    assert len({item.row[:shared] for item in event.candidates}) == 1
    return reply.json(), dict(zip(RANKER_V1.names, event.candidates[0].row, strict=True))


def float32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


async def test_a_sound_call_falls_back_nowhere(fakes):
    answer, row = await served(fakes, body("x", "1"))

    assert answer["fallbacks"] == []
    assert [row[item.full_name] for item in PROFILE_FEATURES] == list(SOUND.values())


@pytest.mark.parametrize("feature", PROFILE_FEATURES, ids=lambda item: item.name)
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_profile_value(fakes, feature, wrong):
    text, reason = WRONG[wrong]
    before = counted(feature.full_name, reason)

    answer, row = await served(fakes, body(feature.name, text))

    assert answer["fallbacks"] == [{"feature": feature.full_name, "reason": reason}]
    assert row[feature.full_name] == float32(feature.fallback)
    assert counted(feature.full_name, reason) == before + 1


@pytest.mark.parametrize("feature", [item for item in PROFILE_FEATURES if item.high < 1e9], ids=lambda item: item.name)
async def test_a_profile_value_above_its_range(fakes, feature):
    before = counted(feature.full_name, "out_of_range")

    answer, row = await served(fakes, body(feature.name, str(feature.high + 1)))

    assert answer["fallbacks"] == [{"feature": feature.full_name, "reason": "out_of_range"}]
    assert row[feature.full_name] == float32(feature.fallback)
    assert counted(feature.full_name, "out_of_range") == before + 1


@pytest.mark.parametrize("feature", PROFILE_FEATURES, ids=lambda item: item.name)
async def test_a_stale_profile_value(fakes, feature):
    now = ScoreDecision.read(await served_event(fakes)).decided_at
    stamps = {name: now.isoformat() for name in SOUND}
    call = json.loads(body("x", "1"))
    before = counted(feature.full_name, "stale")

    stamps[feature.name] = (now - feature.ttl).isoformat()
    fresh, _ = await served(fakes, json.dumps(call | {"profile_computed_at": stamps}))
    stamps[feature.name] = (now - feature.ttl - timedelta(microseconds=1)).isoformat()
    stale, row = await served(fakes, json.dumps(call | {"profile_computed_at": stamps}))

    assert (fresh["fallbacks"], fresh["profile_age"]) == ([], "known")
    assert stale["fallbacks"] == [{"feature": feature.full_name, "reason": "stale"}]
    assert row[feature.full_name] == float32(feature.fallback)
    assert counted(feature.full_name, "stale") == before + 1


async def served_event(fakes):
    await served(fakes, body("x", "1"))
    return fakes.outbox.events[-1][1]


async def test_without_an_instant_the_age_is_unknown_and_nothing_is_stale(fakes):
    answer, _ = await served(fakes, body("x", "1"))

    assert (answer["profile_age"], answer["fallbacks"]) == ("unknown", [])


@pytest.mark.parametrize("mark", [{"is_deleted": True}, {"completed_at": "2026-11-20T08:00:00Z"}, {"isDeleted": True}])
@pytest.mark.parametrize("key", range(20))
async def test_a_task_that_is_over_is_never_chosen_even_when_it_is_named(fakes, mark, key):
    tasks = [TASK | mark, TASK | {"id": "t-2", "priority": 1}]
    candidates = [{"id": task["id"], "task_id": task["id"]} for task in tasks]
    call = {"user_id": "u-1", "request_id": f"r-{key}", "tasks": tasks, "baseline": "t-1"}

    named, _ = await served(fakes, json.dumps(call | {"candidates": candidates}))
    unnamed, _ = await served(fakes, json.dumps(call))

    assert (named["chosen"], unnamed["chosen"]) == ("t-2", "t-2")
    assert {item["candidate_id"]: item["propensity"] for item in named["scores"]} == {"t-1": 0.0, "t-2": 1.0}
    assert [item["candidate_id"] for item in unnamed["scores"]] == ["t-2"]


async def test_when_every_task_is_over_nothing_is_chosen(fakes):
    over = TASK | {"is_deleted": True}

    reply = await fakes.post("/score", {"user_id": "u", "tasks": [over], "candidates": [{"id": "c", "task_id": "t-1"}]})

    assert (reply.status_code, reply.json()["chosen"]) == (200, None)


AGES = {
    "null": (None, "age_unknown"),
    "without an offset": ("2026-11-23T09:00:00", "age_unknown"),
    "a day": ("2026-11-23", "age_unknown"),
    "a word": ("noon", "age_unknown"),
    "an empty text": ("", "age_unknown"),
    "a huge number": (5e99, "age_unknown"),
    "years ahead": ("2036-11-23T09:00:00Z", "age_invalid"),
    "never": ("9999-12-31T23:59:59Z", "age_invalid"),
    "beyond the skew": ((NOW + MAX_CLOCK_SKEW + timedelta(microseconds=1)).isoformat(), "age_invalid"),
}


@pytest.mark.parametrize("wrong", AGES)
@pytest.mark.parametrize("feature", PROFILE_FEATURES[:3], ids=lambda item: item.name)
async def test_an_instant_that_cannot_be_believed_leaves_one_age_unknown(fakes, feature, wrong):
    stamp, reason = AGES[wrong]
    call = json.loads(body("x", "1"))
    stamps = dict.fromkeys(SOUND, NOW.isoformat()) | {feature.name: stamp}
    before = counted(feature.full_name, reason)

    answer, row = await served(fakes, json.dumps(call | {"profile_computed_at": stamps}))
    event = ScoreDecision.read(fakes.outbox.events[-1][1])

    assert (answer["profile_age"], answer["fallbacks"]) == (
        "unknown",
        [{"feature": feature.full_name, "reason": reason}],
    )
    assert row[feature.full_name] == float32(SOUND[feature.name])
    assert counted(feature.full_name, reason) == before + 1
    assert set(event.moment.profile_computed_at) == set(SOUND) - {feature.name}
    again = RANKER_V1.rows(FeatureContext.from_facts(event.moment), CANDIDATES)
    assert (again.fallbacks, event.fallbacks) == ((), ())


@pytest.mark.parametrize("wrong", [name for name in AGES if name != "null"])
async def test_one_such_instant_for_all_leaves_every_age_unknown(fakes, wrong):
    stamp, reason = AGES[wrong]
    call = json.loads(body("preferred_hour", None)) | {"profile_computed_at": stamp}

    answer, _ = await served(fakes, json.dumps(call))

    said = {item["feature"]: item["reason"] for item in answer["fallbacks"]}
    assert said.pop("profile.preferred_hour") == "missing"
    assert said == {item.full_name: reason for item in PROFILE_FEATURES if item.name != "preferred_hour"}
    assert answer["profile_age"] == "unknown"
    assert ScoreDecision.read(fakes.outbox.events[-1][1]).moment.profile_computed_at in (None, {})


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=30), MAX_CLOCK_SKEW])
async def test_a_clock_that_is_a_little_ahead_is_believed(fakes, ahead):
    stamps = dict.fromkeys(SOUND, (NOW + ahead).isoformat())

    answer, _ = await served(fakes, json.dumps(json.loads(body("x", "1")) | {"profile_computed_at": stamps}))

    assert (answer["profile_age"], answer["fallbacks"]) == ("known", [])


async def test_instants_of_features_that_are_not_mirrored_are_not_kept(fakes):
    stamps = dict.fromkeys(SOUND, NOW.isoformat()) | {"shoe_size": None, "mood": "noon"}

    answer, _ = await served(fakes, json.dumps(json.loads(body("x", "1")) | {"profile_computed_at": stamps}))
    event = ScoreDecision.read(fakes.outbox.events[-1][1])

    assert answer["fallbacks"] == []
    assert set(event.moment.profile_computed_at) == set(SOUND)


async def test_an_empty_list_leaves_shares_unknown_and_nothing_else(fakes):
    call = json.loads(body("x", "1")) | {"tasks": [], "candidates": [{"id": "c-1", "kind": "tip"}]}
    names = [f"context.{name}" for name in ("overdue_share", "due_today_share", "urgent_share")]
    before = [counted(name, "unknown") for name in names]

    answer, row = await served(fakes, json.dumps(call))

    assert answer["fallbacks"] == [{"feature": name, "reason": "unknown"} for name in names]
    assert [row[name] for name in names] == [0.0, 0.0, 0.0]
    assert [counted(name, "unknown") for name in names] == [count + 1 for count in before]


@pytest.mark.parametrize("place", range(len(RANKER_V1.context)), ids=[item.name for item in RANKER_V1.context])
@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "unknown"), ("1", "invalid"), (True, "invalid"), (float("nan"), "invalid"), (float("inf"), "invalid"),
     (float("-inf"), "invalid"), (-1, "out_of_range")],
    ids=["unknown", "text", "boolean", "NaN", "Infinity", "-Infinity", "out of range"],
)  # fmt: skip
def test_a_context_feature_whose_code_goes_wrong(place, value, reason):
    """No call can bring this about: the clock and the list are checked. A bug in a feature's own code could."""
    broken = dataclasses.replace(RANKER_V1.context[place], compute=lambda _: value)
    context = (*RANKER_V1.context[:place], broken, *RANKER_V1.context[place + 1 :])
    event = FeatureSet("broken", context).rows(FeatureContext.at(NOON, "UTC", (A_TASK,)), CANDIDATES)

    assert [(item.feature, item.reason) for item in event.fallbacks] == [(broken.full_name, reason)]
    assert event.values[0][place] == broken.fallback == check_value(broken, value, absent="unknown")[0]


@pytest.mark.parametrize(
    "odd",
    [
        ("priority", '"high"', "priority", "invalid", 1), ("priority", "true", "priority", "invalid", 1),
        ("priority", "null", "priority", "null", 1), ("priority", "0", "priority", "out_of_range", 1),
        ("priority", "5", "priority", "out_of_range", 1), ("priority", "NaN", "priority", "invalid", 1),
        ("labels", "null", "labels", "null", 0), ("labels", "{}", "labels", "invalid", 0),
        ("content", "7", "content_length", "invalid", 0),
        ("due", '{"date": "soon"}', "days_until_due", "invalid", 366),
        ("due", '{"date": 20261123}', "days_until_due", "invalid", 366),
        ("created_at", '"yesterday"', "age_days", "invalid", 0),
        ("is_completed", '"perhaps"', "is_task", "invalid", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("route", ["/score", "/generate"])
async def test_a_wrong_field_of_a_task_means_its_default_and_is_said(fakes, route, odd):
    field, text, feature, reason, default = odd
    task = {name: value for name, value in TASK.items() if name != field}
    call = f'{{"user_id": "u-1", "tasks": [{json.dumps(task)[:-1]}, "{field}": {text}}}, {json.dumps(TASKS[1])}]}}'
    name = {"due": "task.due.date", "is_completed": "task.completed"}.get(field, f"task.{field}")
    before = counted(name, reason)

    async with fakes.client() as client:
        reply = await client.post(route, content=call, headers={"content-type": "application/json"})

    assert reply.status_code == 200, reply.text
    said = [item for item in reply.json()["fallbacks"] if item.get("task_id")]
    assert [(item["feature"], item["reason"], item["task_id"]) for item in said] == [(name, reason, "t-1")]
    assert counted(name, reason) == before + 1
    if route == "/score":
        event = ScoreDecision.read(fakes.outbox.events[-1][1])
        row = dict(zip(RANKER_V1.names, event.candidates[0].row, strict=True))
        assert row[f"candidate.{feature}"] == default
        assert name not in {item.feature for item in event.fallbacks}  # replay compares those with the rows'


@pytest.mark.parametrize("feature", RANKER_V1.candidate, ids=lambda item: item.name)
async def test_a_candidate_without_a_task_has_the_declared_fallbacks(fakes, feature):
    """By design and not by fault: a tip has no priority. So it is in the row, and no entry of the list."""
    call = json.loads(body("x", "1")) | {"candidates": [{"id": "c-1", "kind": "tip"}]}

    answer, row = await served(fakes, json.dumps(call))

    assert answer["fallbacks"] == []
    if feature.source == "todoist":
        assert row[feature.full_name] == feature.fallback
