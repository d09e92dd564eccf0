"""A decision in columns: every bit of it comes back, what is malformed is refused, a changed input is named."""

from __future__ import annotations

import base64
import json
import struct
from contextlib import suppress
from datetime import timedelta

import pytest
from decision_strategies import decisions
from example_events import NOON, a_decision
from hypothesis import given, settings
from hypothesis import strategies as st
from oo_contracts.checksums import mismatches, with_checksums
from oo_contracts.decision_summary import DecisionSummary
from oo_contracts.events import ContextFacts, DecidedCandidate, ScoreDecision
from oo_contracts.limits import MAX_COLUMN_LENGTH
from oo_contracts.score import PolicyInfo
from oo_contracts.task import TaskFacts
from oo_contracts.wire import MAX_NAME_LENGTH
from pydantic import ValidationError

READ = [ScoreDecision.read, ScoreDecision.read_stored]


def bits(decision):
    """All its numbers by their bits: 0.0 is not -0.0."""
    columns = [number for item in decision.candidates for number in (*item.row, item.value, item.propensity)]
    return struct.pack(f"<{len(columns)}d", *columns)


@settings(max_examples=150, deadline=None)
@given(decisions())
def test_every_decision_comes_back(decision):
    for read in READ:
        back = read(decision.encode())

        assert back == decision
        assert bits(back) == bits(decision)
        assert [task.due and task.due.isoformat() for task in back.moment.tasks] == [
            task.due and task.due.isoformat() for task in decision.moment.tasks
        ]
        assert mismatches(back) == []
        assert back.model_copy().encode() == decision.encode()  # made anew, not kept
        assert read(decision.encode().decode()) == decision


def test_it_is_stored_as_it_was_published():
    data = a_decision().in_columns().encode().replace(b'{"schema_version"', b'{"of a later 2.x": 1, "schema_version"')

    read = ScoreDecision.read(data)

    assert read.encode() == data
    assert b"later" not in read.model_copy(update={"event_id": "e-2"}).encode()


def test_another_2_x_is_read():
    data = a_decision().in_columns().encode().replace(b'"2.0"', b' "2.17"')

    assert ScoreDecision.read(data) == a_decision().in_columns()


def test_what_was_written_in_rows_stays_in_rows():
    rows = with_checksums(a_decision())

    assert ScoreDecision.read(rows.encode()).encode() == rows.encode() == rows.model_dump_json().encode()
    assert mismatches(rows) == []


def test_a_name_of_a_version_below_another_name_is_none():
    moment = a_decision().moment.model_copy(update={"profile": {"schema_version": "2.0"}})
    rows = a_decision().model_copy(update={"moment": moment})

    assert ScoreDecision.read(rows.encode()) == rows


# What is malformed

TASKS = tuple(TaskFacts(id=f"t-{place}", due=NOON + timedelta(hours=place)) for place in range(3))
LONG = 1 << 20  # bytes of an event that takes seconds to read
ROWS = ((1.0, 0.1), (1.0, 0.7), (1.0, 0.3))


def three():
    items = tuple(
        DecidedCandidate(id=task.id, kind="task", task_id=task.id, row=row, value=0.25, propensity=share)
        for task, row, share in zip(TASKS, ROWS, (0.5, 0.3, 0.2), strict=True)
    )
    moment = ContextFacts(now=NOON, timezone="UTC", tasks=TASKS, profile={"a": 1, "b": 2})
    update = {"moment": moment, "candidates": items, "chosen_id": "t-0", "propensity": 0.5, "baseline_id": "t-1"}
    return with_checksums(a_decision().model_copy(update=update).in_columns())


def with_part(*path, to):
    """The event of three candidates with one part of its document changed."""
    document = json.loads(three().encode())
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = to
    return json.dumps(document).encode()


def packed(kind, *numbers):
    return (
        f"{ {'f': 'float32', 'd': 'float64', 'i': 'int32', 'q': 'int64', 'I': 'uint32'}[kind] }:"
        + base64.b64encode(struct.pack(f"<{len(numbers)}{kind}", *numbers)).decode()
    )


MALFORMED = {
    "truncated base64": (("candidates", "propensity"), packed("d", 0.5, 0.3, 0.2)[:-3]),
    "base64 of another alphabet": (("candidates", "propensity"), "float64:____________"),
    "bytes that are no numbers": (("candidates", "propensity"), "float64:AAAA"),
    "fewer propensities": (("candidates", "propensity"), packed("d", 0.5, 0.5)),
    "more values": (("candidates", "value"), packed("f", *[0.5] * 4)),
    "a type that is unknown": (("candidates", "value"), "float16:AAAAAAAA"),
    "a value that is not finite": (("candidates", "value"), packed("f", 0.5, float("nan"), 0.5)),
    "an infinite value": (("candidates", "value"), packed("f", 0.5, float("inf"), 0.5)),
    "no values": (("candidates", "value"), None),
    "an exception beyond the last": (("candidates", "value"), {"most": 0.5, "others": {"3": 0.1}}),
    "an exception before the first": (("candidates", "value"), {"most": 0.5, "others": {"-1": 0.1}}),
    "a row too long": (("candidates", "row", "own"), base64.b64encode(bytes(32)).decode()),
    "a row without types": (("candidates", "row", "types"), ""),
    "a row of unknown types": (("candidates", "row", "types"), "x"),
    "a row that is not finite": (
        ("candidates", "row", "own"),
        base64.b64encode(struct.pack("<3d", 1, 2, 1e400)).decode(),
    ),
    "a shared row that is not finite": (("candidates", "row", "shared"), packed("f", float("inf"))),
    "more shared numbers than bytes say": (("candidates", "row", "shared"), packed("f", *range(400_000))),
    "an index beyond the tasks": (("candidates", "id"), [0, 1, 3]),
    "an index before them": (("candidates", "id"), [0, 1, -1]),
    "fewer ids than numbers": (("candidates", "id"), [0, 1]),
    "an id that cannot be seen": (("candidates", "id"), [0, 1, "\n"]),
    "an id too long": (("candidates", "id"), [0, 1, "x" * (MAX_NAME_LENGTH + 1)]),
    "fewer kinds": (("candidates", "kind"), ["task", "tip"]),
    "more tasks of candidates": (("candidates", "task_id"), [0, 1, 2, 2]),
    "a task of a candidate beyond the last": (("candidates", "task_id"), [0, 1, 9]),
    "a flag of 2": (("candidates", "eligible"), [1, 1, 2]),
    "a chosen index beyond the last": (("chosen_id",), 3),
    "a baseline beyond the last": (("baseline_id",), 3),
    "fewer priorities": (("tasks", "priority"), [1, 2]),
    "a priority of 5": (("tasks", "priority"), 5),
    "a fraction of a label": (("tasks", "labels"), 0.5),
    "a due form of no kind": (("tasks", "due", "form"), "x"),
    "fewer due forms": (("tasks", "due", "form"), "zz"),
    "more forms than instants": (("tasks", "created_at"), {"form": "zzz", "at": packed("i", 1, 2)}),
    "more instants than forms": (("tasks", "created_at"), {"form": "z-z", "at": packed("i", 1, 2, 3)}),
    "forms without instants": (("tasks", "created_at"), {"form": "z"}),
    "an instant beyond the calendar": (("tasks", "created_at"), {"form": "z", "unit": "day", "at": 10**30}),
    "an instant after the last year": (("tasks", "created_at"), {"form": "d", "unit": "day", "at": 10**7}),
    "instants that are fractions": (("tasks", "created_at"), {"form": "d", "unit": "day", "at": packed("f", 1, 2, 3)}),
    "an instant that is no text of one": (("tasks", "created_at"), {"form": "o", "text": ["a", "b", "c"]}),
    "a due in the last year": (("tasks", "due"), {"form": "f", "unit": "day", "at": 2932890}),
    "fewer checksums": (("seals",), packed("I", 1, 2)),
    "checksums that are no numbers": (("seals",), "uint32:AAA="),
    "fallbacks without reasons": (("fallbacks",), {"feature": ["profile.a"]}),
    "fewer reasons": (("fallbacks",), {"feature": ["profile.a", "b"], "reason": ["missing"]}),
    "a shadow of another length": (
        ("shadows",),
        [{"policy": {"name": "a", "version": "1"}, "propensity": packed("f", 1)}],
    ),
    "columns that are a list": (("candidates",), []),
    "no columns": (("tasks",), 7),
    "more tasks than readers take": (("tasks", "id"), ["x"] * (MAX_COLUMN_LENGTH + 1)),
    "more propensities than bytes say": (
        ("shadows",),
        [{"policy": {"name": "a", "version": "1"}, "propensity": 0.5}] * 350_000,
    ),
}


def test_the_event_that_is_spoilt_below_is_sound():
    assert ScoreDecision.read(three().encode()) == three()
    assert ScoreDecision.read(with_part("candidates", "id", to=[0, "t-1", 2])) == three()


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_malformed_is_refused(what):
    path, value = MALFORMED[what]
    data = with_part(*path, to=value)

    with pytest.raises(ValidationError) as refused:
        ScoreDecision.read(data)

    assert refused.value.errors()[0]["loc"][:1] in {(path[0],), ("candidates",), ()}
    if len(data) < LONG:
        with pytest.raises(ValidationError) as refused_summary:
            DecisionSummary.read(data)
        assert refused_summary.value.errors() == refused.value.errors()


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"7", b'"schema_version":"2.0"', b'{"schema_version":"2.0"}'])
@pytest.mark.parametrize("read", READ)
def test_what_is_no_event_is_refused(data, read):
    with pytest.raises(ValidationError):
        read(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_bytes_in_the_middle_are_refused_or_read(data):
    """Nothing but a refusal comes of them."""
    event = bytearray(three().encode())
    start = data.draw(st.integers(0, len(event) - 1))
    event[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))

    with suppress(ValidationError):
        ScoreDecision.read(bytes(event))


# Checksums


def flips(event):
    for place in range(len(event)):
        for bit in range(8):
            yield event[:place] + bytes([event[place] ^ (1 << bit)]) + event[place + 1 :]


def inputs(decision):
    """Everything but what replay computes again: rows, values, propensities, the choice and the fallbacks."""
    computed = {"candidates": {"__all__": {"row", "value", "propensity"}}, "chosen_id": True, "propensity": True}
    return decision.model_dump(exclude=computed | {"fallbacks": True, "shadows": {"__all__": {"propensities"}}})


def test_any_flipped_bit_of_an_input_is_refused_or_named():
    decision = three()
    passed = []
    for spoilt in flips(decision.encode()):
        try:
            read = ScoreDecision.read_stored(spoilt)
        except ValidationError:
            continue
        if inputs(read) != inputs(decision) and not mismatches(read) and read.seals is not None:
            passed.append(spoilt)

    assert passed == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"user_id": "u-2"}, "request"),
        ({"degraded": "predictor"}, "circumstances"),
        ({"policy": PolicyInfo(name="greedy", version="2")}, "policy"),
        ({"beliefs": {"a": 1}}, "beliefs"),
    ],
)
def test_a_changed_part_is_named(change, name):
    assert mismatches(three().model_copy(update=change)) == [name]


def test_a_changed_feature_of_the_profile_is_named():
    moment = three().moment
    other = three().model_copy(update={"moment": moment.model_copy(update={"profile": {"a": 1, "b": 2.5}})})

    assert mismatches(other) == ["profile.b"]
    assert mismatches(ScoreDecision.read(other.encode())) == ["profile.b"]
