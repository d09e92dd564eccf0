"""The quick decoder gives what pydantic, which is the contract, gives; what it does not take, pydantic reads."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_transformers.score_decoder import MAX_QUICK_BYTES, decode_score_call
from pydantic import ValidationError

TASK = {
    "id": "8821",
    "content": "Write the report",
    "description": "",
    "priority": 4,
    "labels": ["work"],
    "project_id": "220",
    "parent_id": None,
    "due": {"date": "2026-11-23", "string": "today", "lang": "en", "is_recurring": False, "timezone": None},
    "added_at": "2026-10-05T09:00:00.000000Z",
    "checked": False,
    "child_order": 3,
    "url": "https://app.todoist.com/app/task/8821",
}
REST = TASK | {
    "created_at": "2026-10-05T09:00:00Z",
    "is_completed": False,
    "due": {"date": "2026-11-23", "datetime": "2026-11-23T09:00:00Z"},
}
CALL = {
    "user_id": "u-1",
    "request_id": "r-1",
    "timezone": "Europe/Berlin",
    "tasks": [TASK, REST | {"id": "8822"}],
    "candidates": [{"id": "c-1", "task_id": "8821"}, {"id": "c-2", "kind": "tip", "prompt_version": "v1"}],
    "baseline": "c-2",
    "profile_features": {"completion_rate_30d": 0.7, "preferred_hour": None},
    "profile_computed_at": {"completion_rate_30d": "2026-11-23T08:00:00Z"},
}
GOLDEN = Path(__file__).parents[1] / "features" / "golden" / "rows-2026-11.jsonl.gz"


def by_contract(body: bytes) -> ScoreCall | None:
    try:
        return ScoreCall.from_request(ScoreRequest.model_validate_json(body))
    except ValidationError:
        return None


def is_as_by_contract(body: bytes) -> bool:
    """Compares by their text, too: a NaN is no NaN's equal, and 1 is True's."""
    quick = decode_score_call(body)
    return quick is None or (quick == by_contract(body) and repr(plain(quick)) == repr(plain(by_contract(body))))


def plain(call):
    """A call without pydantic's own time zones, which are another type than Python's."""
    created = [None if at is None else at.isoformat() for at in call.tasks.created_at]
    at = call.profile_computed_at
    return (call.request_id, call.user_id, call.timezone, call.tasks.ids, call.tasks.due, call.tasks.priority, created,
            call.tasks.completed, call.tasks.labels, call.tasks.content_length, call.tasks.has_parent, call.candidates,
            call.baseline_id, call.profile_features, at.isoformat() if isinstance(at, datetime) else at)  # fmt: skip


@pytest.mark.parametrize("tasks", [[], [TASK], [REST], [TASK, REST | {"id": "2"}]])
@pytest.mark.parametrize("rest", [{}, {"candidates": None}, {"candidates": []}, {"timezone": None}])
def test_what_todoist_documents_is_read_quickly(tasks, rest):
    body = json.dumps({"user_id": "u-1", "tasks": tasks} | rest).encode()

    assert decode_score_call(body) == by_contract(body) is not None


def test_a_whole_call_is_read_quickly():
    body = json.dumps(CALL).encode()

    assert decode_score_call(body) == by_contract(body) is not None


ODD = {
    "no JSON": b"{",
    "a mark before it": b"\xef\xbb\xbf" + json.dumps(CALL).encode(),
    "two values": json.dumps(CALL).encode() + b"{}",
    "no UTF-8": json.dumps(CALL).encode().replace(b"Write", b"\xff"),
    "half a surrogate pair": json.dumps(CALL).replace("Write", "\\ud83d").encode(),
    "NaN": json.dumps(CALL | {"profile_features": {"x": float("nan")}}).encode(),
    "a number as id": json.dumps(CALL | {"user_id": 7}).encode(),
    "a long id": json.dumps(CALL | {"user_id": "x" * 129}).encode(),
    "an empty id": json.dumps(CALL | {"user_id": ""}).encode(),
    "a blank id": json.dumps(CALL | {"user_id": " "}).encode(),
    "a line break": json.dumps(CALL | {"request_id": "a\nb"}).encode(),
    "a broken character": json.dumps(CALL | {"user_id": "a�"}).encode(),
    "a misspelt field": json.dumps(CALL | {"tasklist": []}).encode(),
    "no zone": json.dumps(CALL | {"timezone": "Mars/Olympus"}).encode(),
    "an unknown baseline": json.dumps(CALL | {"baseline": "c-3"}).encode(),
    "one id twice": json.dumps(CALL | {"tasks": [TASK, TASK]}).encode(),
    "one candidate twice": json.dumps(CALL | {"candidates": CALL["candidates"][:1] * 2, "baseline": None}).encode(),
    "a candidate for no task": json.dumps(CALL | {"candidates": [{"id": "c-2", "task_id": "9"}]}).encode(),
    "no instant": json.dumps(CALL | {"profile_computed_at": {"x": "now"}}).encode(),
    "more than a body at once": json.dumps(CALL | {"padding": "x" * MAX_QUICK_BYTES}).encode(),
    "an array": b"[]",
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_left_to_pydantic(name):
    if name == "no instant":
        assert is_as_by_contract(ODD[name])
    else:
        assert decode_score_call(ODD[name]) is None


def test_surplus_digits_of_a_second_are_left_to_pydantic():
    """One decoder rounds them and the other cuts them off."""
    body = json.dumps(CALL | {"tasks": [TASK | {"added_at": "2026-10-05T09:00:00.1234567Z"}, TASK | {"id": "8"}]})

    assert decode_score_call(body.encode()) is None


def test_the_recorded_calls_are_read_as_by_contract():
    with gzip.open(GOLDEN) as lines:
        bodies = [json.loads(line)["body"].encode() for line in lines]

    assert all(map(is_as_by_contract, bodies))
    assert sum(decode_score_call(body) is not None for body in bodies) > 300


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
instants = st.datetimes(timezones=st.none() | st.just(UTC) | st.timezones()).map(lambda at: at.isoformat())
dates = st.dates().map(str)
FIELDS = {
    "id": st.text(min_size=1, max_size=8) | st.integers(0, 9).map(str) | anything,
    "content": st.text(max_size=20) | anything,
    "description": st.text(max_size=20) | anything,
    "priority": st.integers(0, 5) | anything,
    "labels": st.lists(st.text(max_size=4), max_size=3) | anything,
    "project_id": st.text(max_size=4) | anything,
    "parent_id": st.text(max_size=4) | anything,
    "created_at": instants | dates | anything,
    "added_at": instants | dates | anything,
    "addedAt": instants | anything,
    "is_completed": st.booleans() | anything,
    "checked": st.booleans() | anything,
    "completed": st.booleans() | anything,
    "isCompleted": st.booleans() | anything,
    "is_deleted": st.booleans() | anything,
    "completed_at": st.none() | instants | anything,
    "order": st.integers() | anything,
    "child_order": st.integers() | anything,
    "childOrder": st.integers() | anything,
    "url": anything,
}
DUE = {
    "date": dates | instants | anything,
    "datetime": instants | st.none() | anything,
    "when": dates | anything,
    "timezone": st.text(max_size=5) | anything,
    "is_recurring": st.booleans() | anything,
    "isRecurring": st.booleans() | anything,
}


def some(fields, **more):
    """Objects with some of the fields; a sound value stands first in each field's strategy."""
    optional = {name: value for name, value in fields.items() if name not in more}
    return st.fixed_dictionaries(more, optional=optional)


tasks = some(FIELDS | {"due": some(DUE) | anything}, id=st.integers(0, 9).map(str) | FIELDS["id"])
candidates = some(
    {"kind": st.sampled_from(["task", "tip", "none", "x"]), "prompt_version": st.text(max_size=3), "odd": anything,
     "eligible": st.booleans() | anything, "task_id": st.integers(0, 9).map(str) | anything},
    id=st.sampled_from(["a", "b", "c"]),
)  # fmt: skip
calls = some(
    {
        "request_id": st.text(max_size=4) | anything,
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "utc+3", "x"]) | anything,
        "candidates": st.none() | st.lists(candidates, max_size=3) | anything,
        "baseline": st.sampled_from(["a", "1"]) | anything,
        "profile_features": st.dictionaries(st.text(max_size=3), anything, max_size=3) | anything,
        "profile_computed_at": instants | st.dictionaries(st.text(max_size=3), instants, max_size=2) | anything,
    },
    user_id=st.text(min_size=1, max_size=4),
    tasks=st.lists(tasks, max_size=4),
)


@given(calls, st.booleans())
def test_whatever_is_read_quickly_is_what_the_contract_reads(call, is_ascii):
    assert is_as_by_contract(json.dumps(call, ensure_ascii=is_ascii).encode(errors="surrogatepass"))


@given(st.data())
def test_one_changed_field_is_read_as_the_contract_reads_it(data):
    task = json.loads(json.dumps(REST))
    name = data.draw(st.sampled_from([*FIELDS, "due"]))
    task[name] = data.draw((FIELDS | {"due": some(DUE)})[name])

    assert is_as_by_contract(json.dumps(CALL | {"candidates": None, "baseline": None, "tasks": [task]}).encode())


@given(st.binary(min_size=1, max_size=3), st.integers(0, len(json.dumps(CALL))))
def test_a_damaged_body_is_read_as_the_contract_reads_it(damage, place):
    body = json.dumps(CALL).encode()

    assert is_as_by_contract(body[:place] + damage + body[place + len(damage) :])


@pytest.mark.parametrize("due", [{"datetime": ""}, {"datetime": "", "date": "2026-11-23"}, {"when": ""}, {"date": ""}])
def test_an_empty_date_is_a_fault_that_pydantic_names(due):
    body = json.dumps({"user_id": "u", "tasks": [TASK | {"due": due}]}).encode()

    assert decode_score_call(body) is None
    assert by_contract(body).task_fallbacks != ()


def test_depth_in_a_field_that_nobody_reads_is_ignored_with_it():
    deep = "[" * 300 + "]" * 300
    body = json.dumps({"user_id": "u", "tasks": [TASK]}).replace('"url": ', f'"meta": {deep}, "url": ').encode()

    assert decode_score_call(body).tasks.ids == [TASK["id"]]
    assert by_contract(body) is None


def test_a_completed_task_is_no_candidate():
    done = TASK | {"checked": True}
    body = json.dumps({"user_id": "u", "tasks": [done, TASK | {"id": "2"}]}).encode()

    call = decode_score_call(body)

    assert (call.tasks.completed, call.candidates.ids) == ([True, False], ["2"])
    assert call == by_contract(body)


def test_the_server_may_be_given_a_day_or_a_time():
    later = datetime(2026, 11, 23, 9, tzinfo=UTC) + timedelta(hours=2)
    body = json.dumps({"user_id": "u", "tasks": [TASK | {"due": {"date": later.isoformat()}}]}).encode()

    assert decode_score_call(body).tasks.due == [later]
