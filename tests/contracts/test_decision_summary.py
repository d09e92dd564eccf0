"""What stores keep of a decision is read of exactly those events that are decisions, and is what is in them."""

from __future__ import annotations

import base64
import json
import struct

import pytest
from decision_strategies import decisions
from example_events import a_decision
from hypothesis import given, settings
from hypothesis import strategies as st
from oo_contracts.checksums import with_checksums
from oo_contracts.decision_summary import DecisionSummary
from oo_contracts.events import DecidedCandidate, ScoreDecision
from pydantic import ValidationError

KEPT = [name for name in DecisionSummary._fields if name != "encoded"]
ENDS = [-(2**63), -719_163, -719_162, -718_798, 2_932_531, 2_932_896, 2_932_897, 2**31, 10**30]  # of the calendar


def packed(kind, letter, numbers):
    return f"{kind}:" + base64.b64encode(struct.pack(f"<{len(numbers)}{letter}", *numbers)).decode()


NUMBERS = st.floats(width=64) | st.sampled_from([0.5, 1.0, -0.0, 5e-324, 1e-19, 3.5e38, -3.5e38, 1.7e308])
FLOATS = st.lists(NUMBERS, max_size=4).map(lambda numbers: packed("float64", "d", numbers))
WHOLES = st.lists(st.sampled_from([0, 1, -1, *ENDS[:-1]]), max_size=4).map(
    lambda numbers: packed("int64", "q", numbers)
)
INSTANT_COLUMNS = st.fixed_dictionaries(
    {"form": st.text("-dfzo", max_size=3)},
    optional={
        "unit": st.sampled_from(["day", "second", "microsecond"]),
        "at": st.sampled_from([None, 0, True, *ENDS]) | WHOLES | FLOATS,
        "text": st.lists(st.sampled_from(["2026-11-20T12:00:00+01:00", "9999-12-31T23:00:00+01:00", "x"]), max_size=2),
    },
)
SCALARS = st.sampled_from(
    [None, True, 0, 1, 2, -1, 10**30, 0.5, "", "x", "a b", "\n", "ä", "x" * 129, "task", "missing", "2.7", "1.1", "0.5"]
)
INSTANTS = st.sampled_from(["2026-11-20T12:00:00Z", "2100-01-01T00:00:00Z", "2026-11-20T12:00:00", 1791190800])
PARTS = SCALARS | FLOATS | WHOLES | INSTANTS | INSTANT_COLUMNS | st.lists(SCALARS, max_size=4) | st.builds(dict)


def outcome(read, data):
    """What is kept of the decision, or why it is none."""
    try:
        found = read(data)
    except ValidationError as error:
        return error.errors(include_url=False, include_input=False)
    return (*(getattr(found, name) for name in KEPT), found.encode())


def paths(part, path=()):
    """The place of each value in a document."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, value in inner:
        yield (*path, name)
        yield from paths(value, (*path, name))


@st.composite
def documents(draw):
    """Documents of decisions with up to three parts that are changed, left out or added."""
    document = json.loads(draw(decisions()).encode())
    for _ in range(draw(st.integers(1, 3))):
        *path, name = draw(st.sampled_from(sorted(paths(document), key=str)))
        inner = document
        for step in path:
            inner = inner[step]
        if draw(st.integers(0, 4)) == 0:
            del inner[name]
        else:
            inner[name] = draw(PARTS)
        section = document.get(draw(st.sampled_from(["tasks", "candidates", "context", "fallbacks"])))
        if isinstance(section, dict) and draw(st.booleans()):
            optional = [
                "due",
                "created_at",
                "labels",
                "id",
                "kind",
                "task_id",
                "eligible",
                "value",
                "now",
                "of a later",
            ]
            section[draw(st.sampled_from(optional))] = draw(PARTS)
    return json.dumps(document).encode()


@settings(max_examples=150, deadline=None)
@given(decisions())
def test_it_is_of_every_decision(decision):
    assert outcome(DecisionSummary.read, decision.encode()) == outcome(ScoreDecision.read, decision.encode())


@settings(max_examples=300, deadline=None)
@given(documents())
def test_it_is_of_a_changed_event_what_the_whole_is(data):
    assert outcome(DecisionSummary.read, data) == outcome(ScoreDecision.read, data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_it_is_of_changed_bytes_what_the_whole_is(data):
    event = bytearray(with_checksums(a_decision().in_columns()).encode())
    start = data.draw(st.integers(0, len(event) - 1))
    event[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))

    assert outcome(DecisionSummary.read, bytes(event)) == outcome(ScoreDecision.read, bytes(event))


def two(**second):
    fields = {"id": "c-2", "kind": "tip", "row": (1.0,), "value": 0.5, "propensity": 0.0} | second
    candidates = (*a_decision().candidates, DecidedCandidate(**fields))
    return a_decision().in_columns().model_copy(update={"candidates": candidates}).encode()


@pytest.mark.parametrize(
    "second",
    [
        {"id": "c-1"},
        {"propensity": 0.5},
        {"propensity": -0.5},
        {"propensity": 0.1, "eligible": False},
        {"value": 1e300},
    ],
)
def test_a_contradiction_is_refused_in_the_same_words(second):
    (error,) = outcome(DecisionSummary.read, two(**second))

    assert error["type"] == "contradiction"
    assert [error] == outcome(ScoreDecision.read, two(**second))


def test_a_decision_in_rows_is_kept_by_its_present_names():
    rows = a_decision()
    old = rows.encode().replace(b'"chosen_id"', b'"chosen"').replace(b'"schema_version":"1.1",', b"")

    assert DecisionSummary.read(old).encode() == rows.encode()


def test_a_decision_in_columns_is_read_without_making_the_whole(monkeypatch):
    """Only what is doubtful is; otherwise all of this would be for nothing."""
    event = with_checksums(a_decision().in_columns()).encode()
    monkeypatch.setattr(ScoreDecision, "read", lambda _: pytest.fail("the whole was made"))

    for data in (event, event.replace(b"{", b'{"of a later 2.x":[],', 1), two(), two(eligible=False, value=0.1)):
        assert DecisionSummary.read(data).encode() == data
