"""Every list and text of a call has a limit, and what is wrong a million times is not said a million times."""

from __future__ import annotations

import json

import pytest
from oo_contracts import limits
from oo_contracts.generate import GenerateRequest
from oo_contracts.score import ScoreRequest
from pydantic import ValidationError

MANY = 20_000
MODELS = pytest.mark.parametrize("model", [ScoreRequest, GenerateRequest])


def call(**fields):
    return json.dumps({"user_id": "u-1", **fields})


def task(**fields):
    return {"tasks": [{"id": "t-1", **fields}]}


def numbered(count, **fields):
    return [{"id": f"i-{place}", **fields} for place in range(count)]


def profile(count):
    return {f"feature-{place}": 0.5 for place in range(count)}


AT_THE_LIMIT = {
    "tasks": {"tasks": numbered(limits.MAX_TASKS)},
    "labels": task(labels=["x"] * limits.MAX_LABELS),
    "a label": task(labels=["x" * limits.MAX_LABEL_LENGTH]),
    "content": task(content="ä" * limits.MAX_CONTENT_LENGTH),
    "description": task(description="ä" * limits.MAX_TEXT_LENGTH),
    "profile": {"profile_features": profile(limits.MAX_PROFILE_KEYS)},
    "ages": {"profile_computed_at": dict.fromkeys(profile(limits.MAX_PROFILE_KEYS), "2026-11-23T09:00:00Z")},
    "Todoist's own limits": {"tasks": numbered(300, content="x" * 500, description="y" * 16_384, labels=["l"] * 10)},
}
OVER_THE_LIMIT = {
    "tasks": {"tasks": numbered(limits.MAX_TASKS + 1)},
    "labels": task(labels=["x"] * (limits.MAX_LABELS + 1)),
    "a label": task(labels=["x" * (limits.MAX_LABEL_LENGTH + 1)]),
    "content": task(content="x" * (limits.MAX_CONTENT_LENGTH + 1)),
    "description": task(description="x" * (limits.MAX_TEXT_LENGTH + 1)),
    "profile": {"profile_features": profile(limits.MAX_PROFILE_KEYS + 1)},
    "ages": {"profile_computed_at": dict.fromkeys(profile(limits.MAX_PROFILE_KEYS + 1), "2026-11-23T09:00:00Z")},
}
OFTEN_WRONG = {
    "labels": task(labels=[{}] * MANY),
    "tasks": {"tasks": [1] * MANY},
    "task ids": {"tasks": [{"id": ""}] * MANY},
    "ages": {"profile_computed_at": dict.fromkeys(profile(MANY), 1.5)},
}


@MODELS
@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_what_is_at_the_limit_is_taken(model, name):
    assert model.model_validate_json(call(**AT_THE_LIMIT[name])).user_id == "u-1"


@MODELS
@pytest.mark.parametrize("name", OVER_THE_LIMIT)
def test_what_is_over_the_limit_is_refused(model, name):
    with pytest.raises(ValidationError):
        model.model_validate_json(call(**OVER_THE_LIMIT[name]))


@MODELS
def test_a_due_zone_over_the_limit_is_not_kept(model):
    body = call(**task(due={"date": "2026-11-23", "timezone": "x" * 100_000}))

    assert model.model_validate_json(body).tasks[0].due.timezone is None


@MODELS
@pytest.mark.parametrize("name", OFTEN_WRONG)
def test_errors_are_counted_as_they_come(model, name):
    with pytest.raises(ValidationError) as refused:
        model.model_validate_json(call(**OFTEN_WRONG[name]))

    assert refused.value.error_count() <= 20


def test_of_many_wrong_candidates_the_first_is_named():
    with pytest.raises(ValidationError) as refused:
        ScoreRequest.model_validate_json(call(candidates=[{"id": "c", "x": 1, "y": 2}] * MANY))

    assert {error["loc"][:2] for error in refused.value.errors()} == {("candidates", 0)}
