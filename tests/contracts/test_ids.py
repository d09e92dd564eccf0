"""An id can stand in a header, a line of a log and a column of a database; and what is stored stays readable."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from oo_contracts.events import Feedback, GenerateDecision, ScoreDecision, Signal
from oo_contracts.generate import GenerateRequest
from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_contracts.wire import VISIBLE, is_visible
from pydantic import ValidationError

ASYNCAPI = json.loads((Path(__file__).parents[2] / "contracts" / "asyncapi.json").read_text())
KEPT = [
    "u-1",
    "r 1",
    "Müller, 3rd",
    "任务",
    "👨‍👩‍👧",
    "می‌خواهم",
    " u ",
    "a:b/c#d",
    "x" * 128,
    "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
]
REFUSED = [
    "a\r\nx-litellm-num-retries: 9",
    "a\nb",
    "a\rb",
    "a\x00b",
    "a\tb",
    "\x1b[2K2026 ERROR forged",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "a\u202eb",
    "\ufeffa",
    " ",
    "\u3000",
    "ends\n",
]
TASK = {"id": "t-1"}
SHAPES = {
    "request_id": (ScoreRequest, lambda name: {"user_id": "u", "request_id": name}, "request_id"),
    "user_id": (ScoreRequest, lambda name: {"user_id": name}, "user_id"),
    "task": (ScoreRequest, lambda name: {"user_id": "u", "tasks": [{"id": name}]}, "id"),
    "parent": (ScoreRequest, lambda name: {"user_id": "u", "tasks": [{"id": "t", "parent_id": name}]}, "parent_id"),
    "candidate": (ScoreRequest, lambda name: {"user_id": "u", "candidates": [{"id": name, "kind": "tip"}]}, "id"),
    "prompt": (GenerateRequest, lambda name: {"user_id": "u", "prompt_version": name}, "prompt_version"),
}
FEEDBACK = {
    "event_id": "e-1",
    "request_id": "r-1",
    "candidate_id": "c-1",
    "user_id": "u-1",
    "reaction": "shown",
    "occurred_at": "2026-11-23T09:00:00Z",
}
SIGNAL = {"event_id": "e-1", "user_id": "u-1", "type": "app_opened", "occurred_at": "2026-11-23T09:00:00Z"}
EVENT_IDS = [(Feedback, FEEDBACK, name) for name in ("event_id", "request_id", "candidate_id", "user_id")]
EVENT_IDS += [(Signal, SIGNAL, name) for name in ("event_id", "user_id")]


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_callers_send_today_is_kept_as_it_is(shape, name):
    model, body, _field = SHAPES[shape]

    found = model.model_validate_json(json.dumps(body(name))).model_dump_json()

    assert json.dumps(name, ensure_ascii=False) in found


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_id_with_what_cannot_be_seen_is_refused_and_its_field_named(shape, name):
    model, body, field = SHAPES[shape]
    if shape == "parent":  # Todoist's, and merely read: it is none
        assert model.model_validate_json(json.dumps(body(name))).tasks[0].parent_id is None
        return

    with pytest.raises(ValidationError) as refused:
        model.model_validate_json(json.dumps(body(name)))

    assert [(error["loc"][-1], error["type"]) for error in refused.value.errors()] == [(field, "not_visible")]
    assert "no line breaks, no control characters" in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize(("kind", "event", "field"), EVENT_IDS)
def test_an_event_with_such_an_id_is_none(kind, event, field, name):
    with pytest.raises(ValidationError) as refused:
        kind.model_validate_json(json.dumps(event | {field: name}))

    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize(("kind", "event", "field"), EVENT_IDS)
def test_an_event_that_was_stored_before_is_still_read(kind, event, field, name):
    assert getattr(kind.read_stored(json.dumps(event | {field: name})), field) == name


@pytest.mark.parametrize("kind", [ScoreDecision, GenerateDecision])
def test_a_decision_is_held_to_the_same_grammar(kind):
    with pytest.raises(ValidationError) as refused:
        kind.model_validate_json(json.dumps({"event_id": "e\n", "request_id": "r\n", "user_id": "u\n"}))

    found = {error["loc"][0] for error in refused.value.errors() if error["type"] == "not_visible"}
    assert found == {"event_id", "request_id", "user_id"}


def test_the_documents_say_the_grammar_and_mean_the_same():
    pattern = ASYNCAPI["components"]["schemas"]["Feedback"]["properties"]["candidate_id"]["pattern"]

    assert pattern == VISIBLE
    for name in KEPT + REFUSED:
        assert (re.search(pattern.replace("$", r"\Z"), name) is not None) == is_visible(name) == (name in KEPT), name


NUMBER = 2995104339


@pytest.mark.parametrize("shape", SHAPES)
def test_an_id_may_be_a_whole_number_wherever_it_stands(shape):
    model, body, _field = SHAPES[shape]

    found = model.model_validate_json(json.dumps(body(NUMBER))).model_dump_json()

    assert f'"{NUMBER}"' in found


def test_numbers_and_texts_name_the_same_task_and_candidate():
    body = {
        "user_id": 7, "request_id": 8, "tasks": [{"id": NUMBER}], "baseline": NUMBER,
        "candidates": [{"id": NUMBER, "task_id": str(NUMBER)}, {"id": "tip", "kind": "tip", "task_id": NUMBER}],
    }  # fmt: skip

    found = ScoreRequest.model_validate_json(json.dumps(body))

    assert (found.user_id, found.request_id, found.baseline) == ("7", "8", str(NUMBER))
    assert ScoreCall.from_request(found).candidates.task_ids == [str(NUMBER)] * 2
    generated = GenerateRequest.model_validate_json(
        json.dumps({"user_id": 7, "tasks": [{"id": str(NUMBER)}], "candidate": {"id": 1, "task_id": NUMBER}})
    )
    assert generated.candidate.id == "1"


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (-1, "-1"), (2**64 - 1, "18446744073709551615")])
def test_a_number_is_its_decimal_text(number, text):
    assert ScoreRequest.model_validate({"user_id": number}).user_id == text


@pytest.mark.parametrize("wrong", [True, 1.5, 1e300, 2**64, -(2**63) - 1, [], {}, None])
def test_another_value_is_no_id_and_one_thing_is_said_of_it(wrong):
    with pytest.raises(ValidationError) as refused:
        ScoreRequest.model_validate({"user_id": wrong})

    assert [(item["loc"], item["msg"]) for item in refused.value.errors()] == [
        (("user_id",), "Input should be text or a whole number")
    ]


def test_the_documents_say_that_ids_may_be_numbers():
    schemas = ASYNCAPI["components"]["schemas"]
    openapi = json.loads((Path(__file__).parents[2] / "contracts" / "openapi.json").read_text())["components"][
        "schemas"
    ]

    for of, name in (("Feedback", "candidate_id"), ("Feedback", "user_id"), ("Signal", "event_id")):
        assert schemas[of]["properties"][name]["type"] == ["string", "integer"]
    for of, name in (("Task", "id"), ("Candidate", "id"), ("ScoreRequest", "user_id")):
        assert openapi[of]["properties"][name]["type"] == ["string", "integer"]
    kind = re.compile(schemas["Signal"]["properties"]["type"]["pattern"])
    assert kind.fullmatch("item:completed")
    assert kind.fullmatch("app_opened")
    assert not kind.fullmatch("a b")
