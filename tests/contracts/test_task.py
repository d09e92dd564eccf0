"""Todoist's task objects in both shapes, and what a wrong one is told."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.events import ContextFacts
from oo_contracts.ids import uuid7
from oo_contracts.score import ScoreRequest
from oo_contracts.task import Task, TaskFacts
from oo_serving.problem_response import validation_problem
from pydantic import ValidationError

BERLIN = ZoneInfo("Europe/Berlin")


def facts(**task):
    return Task.model_validate_json(json.dumps({"id": "1", **task})).facts()


@pytest.mark.parametrize(
    ("due", "when", "day", "at"),
    [
        pytest.param({"date": "2026-11-23"}, date(2026, 11, 23), "2026-11-23", None, id="a day"),
        pytest.param({"date": "2026-11-23", "datetime": None}, date(2026, 11, 23), "2026-11-23", None, id="REST"),
        pytest.param(
            {"date": "2026-11-23", "datetime": "2026-11-23T23:30:00.000000Z"},
            datetime(2026, 11, 23, 23, 30, tzinfo=UTC),
            "2026-11-24",
            "2026-11-24T00:30:00+01:00",
            id="REST, an instant",
        ),
        pytest.param(
            {"date": "2026-11-23T23:30:00Z", "timezone": "Europe/Berlin"},
            datetime(2026, 11, 23, 23, 30, tzinfo=UTC), "2026-11-24", "2026-11-24T00:30:00+01:00", id="v1, an instant",
        ),
        pytest.param(
            {"date": "2026-11-23T23:30:00"},
            datetime(2026, 11, 23, 23, 30), "2026-11-23", "2026-11-23T23:30:00+01:00", id="v1, floating",  # noqa: DTZ001
        ),
    ],
)  # fmt: skip
def test_a_due_date_in_every_form(due, when, day, at):
    found = facts(due=due)

    assert found.due == when
    assert found.due_day(BERLIN).isoformat() == day
    assert (found.due_at(BERLIN).isoformat() if at else found.due_at(BERLIN)) == at


@pytest.mark.parametrize(
    ("rest", "sync", "name"),
    [
        ({"created_at": "2026-11-01T08:00:00Z"}, {"added_at": "2026-11-01T08:00:00Z"}, "created_at"),
        ({"is_completed": True}, {"checked": True}, "completed"),
        ({"parent_id": 5}, {"parent_id": "5"}, "has_parent"),
        ({"due": None}, {}, "due"),
    ],
)
def test_both_shapes_say_the_same(rest, sync, name):
    assert getattr(facts(**rest), name) == getattr(facts(**sync), name)


def test_ids_may_be_numbers():
    assert Task.model_validate_json('{"id": 2995104339}').id == "2995104339"


def test_no_text_of_a_task_is_among_its_facts():
    found = facts(content="Call the doctor about the secret", description="secret", labels=["secret"])

    assert "secret" not in found.model_dump_json()
    assert (found.content_length, found.labels) == (32, 1)


@pytest.mark.parametrize(
    ("task", "pointer"),
    [
        ({"id": None}, "/tasks/0/id"),
        ({"id": ""}, "/tasks/0/id"),
        ({"id": True}, "/tasks/0/id"),
        ({"id": 1.5}, "/tasks/0/id"),
        ({"id": "1", "labels": ["x" * 257]}, "/tasks/0/labels"),
        ({"id": "1", "content": "x" * 16_385}, "/tasks/0/content"),
        (5, "/tasks/0"),
        (None, "/tasks/0"),
        ({}, "/tasks/0/id"),
    ],
)
def test_what_is_wrong_is_named_as_the_caller_spelt_it(task, pointer):
    body = json.dumps({"user_id": "u", "tasks": [task]}).encode()
    with pytest.raises(ValidationError) as caught:
        ScoreRequest.model_validate_json(body)

    problem = json.loads(validation_problem(caught.value, body).body)

    assert problem["status"] == 422
    assert problem["errors"][0]["pointer"].startswith(pointer)
    assert not any(word in problem["errors"][0]["detail"] for word in ("Error", "isoformat", "pydantic", "Traceback"))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"candidates": [{"id": "c", "task_id": "nope"}]}, "/candidates"),
        ({"candidates": [{"id": "c", "kind": "tip"}, {"id": "c", "kind": "tip"}]}, "/candidates"),
        ({"candidates": [{"id": "c", "kind": "song"}]}, "/candidates/0/kind"),
        ({"candidates": [{"id": "c", "kind": "tip"}], "baseline": "d"}, "/baseline"),
        ({"tasks": [{"id": 1}, {"id": "1"}]}, "/tasks"),
        ({"profile_computed_at": ["noon"]}, "/profile_computed_at"),
        ({"profile_computed_at": dict.fromkeys(map(str, range(300)))}, "/profile_computed_at"),
        ({"timezone": "Europe/Atlantis"}, "/timezone"),
        ({"request_id": ""}, "/request_id"),
        ({"tilt": 1}, "/tilt"),
    ],
)
def test_so_is_what_is_wrong_around_the_tasks(body, pointer):
    data = json.dumps({"user_id": "u", **body}).encode()
    with pytest.raises(ValidationError) as caught:
        ScoreRequest.model_validate_json(data)

    assert json.loads(validation_problem(caught.value, data).body)["errors"][0]["pointer"].startswith(pointer)


def test_numbers_that_json_has_not_are_fine_where_they_fall_back():
    asked = ScoreRequest.model_validate_json(
        '{"user_id": "u", "timezone": null, "profile_features": {"a": NaN, "b": 1e400}}'
    )

    assert asked.timezone == "UTC"
    assert set(asked.profile_features) == {"a", "b"}


TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31))  # noqa: DTZ001  # no zone reaches the refused years


@given(
    st.builds(
        TaskFacts,
        id=st.text(min_size=1, max_size=20),
        due=st.none() | st.dates() | TIMES | TIMES.map(lambda time: time.replace(tzinfo=UTC)),
        created_at=st.none() | TIMES.map(lambda time: time.replace(tzinfo=UTC)),
        content_length=st.integers(0, 10_000),
    )
)
def test_facts_come_back_from_the_log_as_they_went(found):
    moment = ContextFacts(now=datetime.now(UTC), timezone="UTC", tasks=(found,), profile={"a": 0.1})

    assert ContextFacts.model_validate_json(moment.model_dump_json()) == moment


def test_ids_sort_by_time():
    ids = [uuid7() for _ in range(50)]
    millis = [int(item.replace("-", "")[:12], 16) for item in ids]

    assert millis == sorted(millis)
    assert len(set(ids)) == 50
    assert {item[14] for item in ids} == {"7"}
