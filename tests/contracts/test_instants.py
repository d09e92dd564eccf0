"""Instants at both ends of time, which overflow when moved or added to, are no facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from example_events import NOON, a_decision, a_feedback, a_signal
from oo_contracts.asyncapi import document
from oo_contracts.instant import BadInstant, parse_instant
from pydantic import ValidationError
from report_events import prediction, tip

BEYOND = [
    pytest.param("0001-01-01T00:00:00+14:00", id="before the first year in UTC"),
    pytest.param("0001-01-01T00:00:00Z", id="the first year"),
    pytest.param("1999-12-31T23:59:59.999999Z", id="just before the first"),
    pytest.param("2100-01-01T00:00:00Z", id="just after the last"),
    pytest.param("9999-12-31T23:59:59Z", id="never"),
    pytest.param("9999-12-31T23:59:59-14:00", id="after the last year in UTC"),
    pytest.param("2026-11-23T12:00:00", id="no offset"),
]
FACTS = [a_signal(), a_feedback(), a_decision(), tip("r-1", NOON), prediction("r-1", NOON, 2.0)]


def with_instant(fact, name, at):
    parsed_json = json.loads(fact.model_dump_json())
    (parsed_json["moment"] if name == "now" else parsed_json)[name] = at
    return json.dumps(parsed_json)


@pytest.mark.parametrize("at", BEYOND)
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_no_event_is_from_beyond_the_bounds(fact, at):
    name = "occurred_at" if hasattr(fact, "occurred_at") else "decided_at"

    with pytest.raises(ValidationError, match=name):
        type(fact).model_validate_json(with_instant(fact, name, at))


@pytest.mark.parametrize("at", BEYOND)
def test_nor_is_the_moment_of_a_decision(at):
    with pytest.raises(ValidationError, match=r"moment\.now"):
        type(a_decision()).model_validate_json(with_instant(a_decision(), "now", at))


@pytest.mark.parametrize("at", ["2000-01-01T00:00:00Z", "1999-12-31T23:00:00-01:00", "2099-12-31T23:59:59.999999Z"])
def test_the_bounds_are_instants_whatever_the_offset(at):
    fact = a_feedback()

    assert type(fact).model_validate_json(with_instant(fact, "occurred_at", at)).occurred_at.tzinfo is not None


def test_the_document_says_the_bounds():
    schemas = document()["components"]["schemas"]
    said = [schemas[name]["properties"]["occurred_at"]["description"] for name in ("Signal", "Feedback", "Prediction")]
    said += [schemas[name]["properties"]["decided_at"]["description"] for name in ("ScoreDecision", "GenerateDecision")]

    assert all("2000-01-01T00:00:00Z" in text and "2100-01-01T00:00:00Z" in text for text in said)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("90m", "2026-11-23T10:30:00+00:00"),
        ("2w", "2026-11-09T12:00:00+00:00"),
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T09:00:00+05:30", "2026-11-01T03:30:00+00:00"),
    ],
)
def test_an_option_names_an_instant_or_how_long_before_now(text, instant):
    assert parse_instant(text, datetime(2026, 11, 23, 12, tzinfo=UTC)).isoformat() == instant


@pytest.mark.parametrize("text", ["", "7", "7 d", "yesterday", "-7d", "999999w", "0001-01-01T00:00:00+14:00"])
def test_what_names_no_instant_is_refused_with_what_would(text):
    with pytest.raises(BadInstant, match="is not like 7d, 2026-11-23"):
        parse_instant(text, datetime(2026, 11, 23, 12, tzinfo=UTC))
