"""Every field of a Todoist task in both APIs and the SDK, odd in every way: the call stands, and the oddity is said."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.generate import GenerateRequest
from oo_contracts.limits import MAX_TASK_FALLBACKS, MAX_TASKS
from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_contracts.task_forms import LenientTask, SdkTask, StrictTask

REST = {
    "id": "2995104339", "assignee_id": None, "assigner_id": None, "comment_count": 10, "content": "Buy milk",
    "created_at": "2026-11-01T22:58:50.000000Z", "creator_id": "2671355", "deadline": None, "description": "two litres",
    "due": {"date": "2026-11-24", "datetime": "2026-11-24T12:00:00.000000Z", "is_recurring": True, "lang": "en",
            "string": "every day at 12", "timezone": "Europe/Moscow"},
    "duration": None, "is_completed": False, "labels": ["Food", "Shopping"], "order": 7, "parent_id": "2995104589",
    "priority": 4, "project_id": "2203306141", "section_id": None, "url": "https://todoist.com/showTask?id=2995104339",
}  # fmt: skip
SYNC = {
    "id": "2995104339", "added_at": "2026-11-01T22:58:50.000000Z", "added_by_uid": "2671355", "assigned_by_uid": None,
    "checked": False, "child_order": 7, "completed_at": None, "content": "Buy milk", "day_order": -1, "deadline": None,
    "description": "two litres", "due": {"date": "2026-11-24T12:00:00Z", "is_recurring": True, "lang": "en",
                                         "string": "every day at 12", "timezone": "Europe/Moscow"},
    "duration": None, "is_collapsed": False, "is_deleted": False, "labels": ["Food", "Shopping"], "note_count": 10,
    "parent_id": "2995104589", "priority": 4, "project_id": "2203306141", "responsible_uid": None, "section_id": None,
    "updated_at": "2026-11-20T08:00:00.000000Z", "user_id": "2671355",
}  # fmt: skip
SDK = {
    "id": "2995104339", "addedAt": "2026-11-01T22:58:50.000000Z", "addedByUid": "2671355", "assignedByUid": None,
    "checked": False, "childOrder": 7, "completedAt": None, "content": "Buy milk", "dayOrder": -1, "deadline": None,
    "description": "two litres", "due": {"date": "2026-11-24T12:00:00Z", "isRecurring": True, "lang": "en",
                                         "string": "every day at 12", "timezone": "Europe/Moscow"},
    "duration": None, "isCollapsed": False, "isDeleted": False, "isUncompletable": False,
    "labels": ["Food", "Shopping"], "parentId": "2995104589", "priority": 4, "projectId": "2203306141",
    "responsibleUid": None, "sectionId": None, "updatedAt": "2026-11-20T08:00:00.000000Z", "userId": "2671355",
}  # fmt: skip
OLD_SDK = {
    "id": "2995104339", "order": 7, "content": "Buy milk", "description": "two litres", "projectId": "2203306141",
    "sectionId": None, "isCompleted": False, "labels": ["Food", "Shopping"], "priority": 4, "commentCount": 10,
    "createdAt": "2026-11-01T22:58:50.000000Z", "parentId": "2995104589",
    "due": {"date": "2026-11-24", "datetime": "2026-11-24T12:00:00.000000Z", "isRecurring": True},
}  # fmt: skip
SHAPES = {"REST v2": REST, "API v1": SYNC, "SDK": SDK, "old SDK": OLD_SDK}
ODD = {
    "null": None, "an empty text": "", "blanks": "  ", "a word": "soon", "a number": 7, "a fraction": 7.5, "zero": 0,
    "below": -1, "a number as text": "4", "true": True, "an empty list": [], "an empty object": {},
    "a list": [{}, None], "an object": {"date": None}, "beyond 64 bits": 10**30, "beyond a double": float("inf"),
    "no number": float("nan"), "a control": "a\u0000b", "a year beyond": "9999-12-31T23:59:59Z",
    "the first instant": "0001-01-01T00:00:00+14:00",
}  # fmt: skip
FIELDS = [(shape, name) for shape, task in SHAPES.items() for name in task if name != "id"]
DUE_FIELDS = [(shape, name) for shape, task in SHAPES.items() for name in task["due"]]


def read(*tasks, **more):
    """What ScoreRequest makes of a body with the tasks."""
    return ScoreRequest.model_validate_json(json.dumps({"user_id": "u", "tasks": tasks, **more}))


def facts(task):
    return read(task).tasks[0].facts()


def said(call):
    return {(item.feature, item.reason) for item in call.task_fallbacks()}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("shape", "field"), FIELDS)
def test_no_value_of_any_field_fails_the_call_or_touches_the_others(shape, field, odd):
    task = SHAPES[shape] | {field: ODD[odd]}

    call = read(REST | {"id": "first"}, task)
    other = GenerateRequest.model_validate_json(json.dumps({"user_id": "u", "tasks": [task]}))

    plain = ScoreRequest.model_validate({"user_id": "u", "tasks": [task]})  # as a large call is read

    first, found, sound = call.tasks[0].facts(), call.tasks[1].facts(), facts(SHAPES[shape])
    assert first == facts(REST).model_copy(update={"id": "first"})
    assert found == other.tasks[0].facts() == plain.tasks[0].facts()
    changed = {name for name in type(found).model_fields if getattr(found, name) != getattr(sound, name)}
    assert changed <= {
        "due": {"due", "is_recurring"}, "labels": {"labels"}, "content": {"content_length"}, "priority": {"priority"},
        "parent_id": {"has_parent"}, "parentId": {"has_parent"},
        **{name: {"created_at"} for name in ("created_at", "added_at", "createdAt", "addedAt")},
        **{name: {"completed"} for name in ("is_completed", "checked", "isCompleted", "is_deleted", "isDeleted")},
        **{name: {"completed"} for name in ("completed_at", "completedAt")},
    }.get(field, set())  # fmt: skip
    assert all(item.task_id == "2995104339" for item in call.task_fallbacks())


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("shape", "field"), DUE_FIELDS)
def test_no_value_within_a_due_date_does_either(shape, field, odd):
    task = SHAPES[shape]

    found = facts(task | {"due": task["due"] | {field: ODD[odd]}})

    same = {"due", "is_recurring"}
    assert found.model_copy(update=dict.fromkeys(same)) == facts(task).model_copy(update=dict.fromkeys(same))


@pytest.mark.parametrize(("shape", "field"), FIELDS)
def test_any_field_may_be_absent_without_a_word(shape, field):
    call = read({name: value for name, value in SHAPES[shape].items() if name != field})

    assert call.task_fallbacks() == ()


@pytest.mark.parametrize(
    ("odd", "fallbacks"),
    [
        ({"labels": None}, {("labels", "null")}),
        ({"content": None}, {("content", "null")}),
        ({"priority": None}, {("priority", "null")}),
        ({"checked": None}, {("completed", "null")}),
        ({"is_completed": None}, {("completed", "null")}),
        ({"child_order": None}, {("order", "null")}),
        ({"due": {"date": "2026-11-24", "is_recurring": None}}, {("due.is_recurring", "null")}),
        ({"parent_id": ""}, {("parent_id", "invalid")}),
        ({"project_id": ""}, {("project_id", "invalid")}),
        ({"due": {}}, {("due.date", "missing")}),
        ({"due": ""}, {("due", "invalid")}),
        ({"due": []}, {("due", "invalid")}),
        ({"due": {"date": None}}, {("due.date", "null")}),
        ({"due": {"date": ""}}, {("due.date", "invalid")}),
        ({"due": {"date": "2026-11-24", "datetime": ""}}, {("due.date", "invalid")}),
        ({"labels": [None, "home", {}]}, {("labels", "invalid")}),
        ({"priority": 5}, {("priority", "out_of_range")}),
        ({"priority": "5"}, {("priority", "out_of_range")}),
        ({"due": None, "parent_id": None, "created_at": None, "description": None, "completed_at": None}, set()),
        ({"priority": "4", "labels": [7], "order": "3", "is_deleted": 0, "checked": "false"}, set()),
    ],
)
def test_what_falls_back_is_said_with_the_tasks_id(odd, fallbacks):
    call = read({"id": "sound"}, {"id": 77, **odd})

    assert said(call) == {(f"task.{field}", reason) for field, reason in fallbacks}
    assert {item.task_id for item in call.task_fallbacks()} <= {"77"}


def test_a_label_that_is_null_is_none_and_one_that_is_a_number_is_its_text():
    assert read({"id": "t", "labels": [None, 7, "home", 1.5]}).tasks[0].labels == ("7", "home", "1.5")


def test_a_label_that_is_a_number_beyond_any_name_is_left_out():
    call = read({"id": "t", "labels": [10**400, "home"]})

    assert (call.tasks[0].labels, said(call)) == (("home",), {("task.labels", "invalid")})


def test_a_field_that_is_wrong_in_every_spelling_is_one_fault():
    wrong = {
        "created_at": "soon",
        "added_at": [],
        "due": {"date": "soon", "datetime": 7},
        "checked": 7,
        "isCompleted": "",
    }

    call = read({"id": "t", **wrong})

    assert sorted(item.feature for item in call.task_fallbacks()) == [
        "task.completed",
        "task.created_at",
        "task.due.date",
    ]


@pytest.mark.parametrize("priority", [4, 4.0, "4", "4.0"])
def test_a_number_may_be_written_otherwise(priority):
    call = read({"id": "t", "priority": priority})

    assert (call.tasks[0].priority, call.task_fallbacks()) == (4, ())


NOON = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("task", "created"),
    [
        ({"created_at": None, "added_at": "2026-11-01T09:00:00Z"}, NOON),
        ({"added_at": None, "created_at": "2026-11-01T09:00:00Z"}, NOON),
        ({"created_at": "", "added_at": "2026-11-01T09:00:00Z"}, NOON),
        ({"created_at": None, "addedAt": "2026-11-01T09:00:00Z"}, NOON),
        ({"created_at": "2026-11-01T9:00:00z"}, NOON),
        ({"created_at": "2026-11-01 9:00:00 +00:00"}, NOON),
        ({"created_at": "2026-11-1T09:00:00Z"}, NOON),
        ({"created_at": None, "added_at": None}, None),
    ],
)
def test_of_two_spellings_the_one_that_is_there_counts(task, created):
    assert facts({"id": "t", **task}).created_at == created


@pytest.mark.parametrize(
    ("due", "when"),
    [
        ({"date": "2026-11-24T9:05:00z"}, datetime(2026, 11, 24, 9, 5, tzinfo=UTC)),
        ({"date": "2026-11-24t09:05:00"}, datetime(2026, 11, 24, 9, 5)),  # noqa: DTZ001  # Todoist's floating time
        ({"date": "2026-11-24", "datetime": "2026-11-24T9:05:00z"}, datetime(2026, 11, 24, 9, 5, tzinfo=UTC)),
        ({"date": "2026-11-24", "datetime": "noon"}, date(2026, 11, 24)),
        ({"date": None, "datetime": "2026-11-24T09:05:00Z"}, datetime(2026, 11, 24, 9, 5, tzinfo=UTC)),
        ({"date": "2026-11-4"}, date(2026, 11, 4)),
        ({"date": "2026-13-01"}, None),
        ({"date": "24.11.2026"}, None),
    ],
)
def test_a_due_date_in_the_forms_that_people_write(due, when):
    assert facts({"id": "t", "due": due}).due == when


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_says_the_same(shape):
    assert facts(SHAPES[shape]) == facts(REST)
    assert read(SHAPES[shape]).task_fallbacks() == ()
    assert read(SHAPES[shape]).tasks[0].order == 7


@pytest.mark.parametrize(
    "mark", [{"isCompleted": True}, {"checked": True}, {"isDeleted": True}, {"completedAt": "2026-11-20T08:00:00Z"}]
)
def test_a_completed_task_of_the_sdk_is_no_candidate(mark):
    assert ScoreCall.from_request(read(SDK | mark, SDK | {"id": "open"})).candidates.ids == ["open"]


OVER = [
    {"is_deleted": True},
    {"is_deleted": 1},
    {"completed_at": "2026-11-20T08:00:00.000000Z"},
    {"completed_at": "2026-11-20T08:00:00.000000Z", "checked": False},
    {"is_completed": None, "checked": True},
    {"is_completed": False, "checked": True},
    {"checked": True},
    {"is_deleted": True, "checked": False, "is_completed": False},
]


@pytest.mark.parametrize("mark", OVER)
def test_a_task_that_is_completed_or_deleted_is_no_candidate_and_not_open(mark):
    call = read({"id": "over", **mark}, {"id": "open"})

    assert ScoreCall.from_request(call).candidates.ids == ["open"]
    assert [task.facts().completed for task in call.tasks] == [True, False]


@pytest.mark.parametrize("mark", OVER)
def test_a_candidate_for_such_a_task_is_not_eligible(mark):
    candidates = [{"id": "a", "task_id": "over"}, {"id": "b", "task_id": "open"}, {"id": "c", "kind": "none"}]

    call = read({"id": "over", **mark}, {"id": "open"}, candidates=candidates)

    assert ScoreCall.from_request(call).candidates.eligible == [False, True, True]


@pytest.mark.parametrize(
    "mark", [{"is_deleted": False}, {"completed_at": None}, {"completed_at": ""}, {"is_deleted": None}, {"checked": 0}]
)
def test_what_says_that_it_is_open_leaves_it_open(mark):
    assert ScoreCall.from_request(read({"id": "open", **mark})).candidates.ids == ["open"]


def test_the_list_of_fallbacks_is_bounded_and_counts_the_rest():
    odd = [{"id": f"t-{place}", "labels": None, "priority": "high"} for place in range(MAX_TASKS)]

    found = read(*odd).task_fallbacks()

    assert [item.task_id for item in found[:4]] == ["t-0", "t-0", "t-1", "t-1"]
    assert len(found) == MAX_TASK_FALLBACKS + 2
    assert sum(item.count for item in found) == 2 * MAX_TASKS
    assert {item.feature: item.count for item in found[-2:]} == dict.fromkeys(("task.labels", "task.priority"), 990)


TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
SOUND = st.fixed_dictionaries(
    {"id": st.text("abc123", min_size=1, max_size=9) | st.integers(0, 2**53)},
    optional={
        "content": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "priority": st.integers(1, 4),
        "labels": st.lists(st.text("äöü xyz", max_size=5), max_size=3),
        "parent_id": st.none() | st.text("abc", min_size=1, max_size=5),
        "due": st.none() | st.fixed_dictionaries(
            {"date": st.dates().map(str) | TIMES.map(str) | TIMES.map(lambda at: at.replace(tzinfo=None).isoformat())},
            optional={"is_recurring": st.booleans(), "datetime": st.none() | TIMES.map(datetime.isoformat)},
        ),
        "created_at": TIMES.map(datetime.isoformat),
        "order": st.integers(-9, 9),
    },
)  # fmt: skip


CAMEL = {"created_at": "createdAt", "parent_id": "parentId", "order": "childOrder", "is_recurring": "isRecurring"}


def in_camel_case(task):
    renamed = {CAMEL.get(name, name): value for name, value in task.items()}
    due = task.get("due") and {CAMEL.get(name, name): value for name, value in task["due"].items()}
    return renamed | ({"due": due} if "due" in task else {}) | {"isDeleted": False}


@given(SOUND)
def test_all_ways_to_read_a_sound_task_find_the_same(task):
    """What is read in pydantic's core and what is read field by field may not differ, whatever is odd elsewhere."""
    odd = task | {"isDeleted": False, "created_at": task.get("created_at")}  # the marks of two shapes
    strict, sdk, lenient = (read(item).tasks[0] for item in (task, in_camel_case(task), odd))

    assert (type(strict), type(sdk), type(lenient)) == (StrictTask, SdkTask, LenientTask)
    assert strict.facts() == sdk.facts() == lenient.facts()
    assert [getattr(strict, name) for name in ("content", "order", "labels")] == [
        getattr(lenient, name) for name in ("content", "order", "labels")
    ]
    assert lenient.faults == ()
