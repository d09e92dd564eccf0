"""Decisions that are valid field by field and contradict themselves: no fact, and no end of who reads the log."""

from __future__ import annotations

import json

import pytest
from example_events import NOON, a_decision
from oo_contracts.events import GenerateDecision, ScoreDecision
from pydantic import ValidationError
from report_events import prediction, score, tip

SHADOW = {"policy": {"name": "uniform", "version": "1"}, "propensities": [0.5, 0.5]}


def changed(fact, *path, to):
    parsed_json = json.loads(fact.model_dump_json())
    inner = parsed_json
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = to
    return json.dumps(parsed_json)


ROUNDS = {
    "chosen is no candidate": (("chosen_id",), "z"),
    "chosen is not eligible": (("candidates", 0, "eligible"), False),
    "chosen without a propensity": (("propensity",), None),
    "a propensity of 0": (("propensity",), 0.0),
    "a propensity that no draw has": (("propensity",), 5e-324),
    "a propensity above 1": (("propensity",), 1.5),
    "another propensity than the candidate's": (("propensity",), 0.4),
    "chances that do not sum to 1": (("candidates", 1, "propensity"), 0.25),
    "a negative chance": (("candidates", 1, "propensity"), -0.5),
    "one id twice": (("candidates", 1, "id"), "a"),
    "rows of two lengths": (("candidates", 1, "row"), [1.0, 2.0]),
    "a value beyond float32": (("candidates", 1, "value"), 1e300),
    "a shadow of another length": (("shadows",), [SHADOW | {"propensities": [1.0]}]),
    "a shadow that does not sum to 1": (("shadows",), [SHADOW, SHADOW | {"propensities": [0.5, 0.4]}]),
}
TIPS = {
    "a version that was not drawn from": (("prompt_version",), "v3"),
    "one version twice": (("draw", "versions"), ["v1", "v1"]),
    "chances of another length": (("draw", "propensities"), [1.0]),
    "chances that do not sum to 1": (("draw", "propensities"), [0.5, 0.6]),
    "a propensity of 0": (("draw", "propensity"), 0.0),
    "a shadow of another length": (("draw", "shadows"), [SHADOW | {"propensities": [1.0]}]),
}


@pytest.mark.parametrize("what", ROUNDS)
def test_a_round_that_contradicts_itself_is_no_event(what):
    path, value = ROUNDS[what]
    data = changed(score("r-1", NOON), *path, to=value)

    with pytest.raises(ValidationError) as refused:
        ScoreDecision.model_validate_json(data)

    assert [error["type"] for error in refused.value.errors()] == ["contradiction"]
    assert ScoreDecision.read_stored(data).contradiction() is not None  # replay sees it, and names what is wrong


@pytest.mark.parametrize("what", TIPS)
def test_nor_is_such_a_tip(what):
    path, value = TIPS[what]
    data = changed(tip("r-1", NOON, chances=(0.5, 0.5)), *path, to=value)

    with pytest.raises(ValidationError) as refused:
        GenerateDecision.model_validate_json(data)

    assert [error["type"] for error in refused.value.errors()] == ["contradiction"]


def test_nothing_to_choose_from_is_no_contradiction():
    """Then nobody has a chance, and no shadow either."""
    parsed_json = json.loads(score("r-1", NOON).model_dump_json()) | {
        "chosen_id": None,
        "propensity": None,
        "candidates": [],
    }

    assert ScoreDecision.model_validate(parsed_json).contradiction() is None
    assert a_decision().contradiction() is None
    assert tip("r-1", NOON).contradiction() is None  # its version was named by the caller


BEYOND_MEASURE = [
    pytest.param(prediction("r-1", NOON, 1.0), ("latency_ms",), 1e308, id="a prediction that took for ever"),
    pytest.param(prediction("r-1", NOON, 1.0), ("latency_ms",), -1.0, id="one that was over before it began"),
    pytest.param(tip("r-1", NOON), ("latency_ms",), 1e308, id="a tip that took for ever"),
    pytest.param(tip("r-1", NOON), ("usage", "prompt_tokens"), 10**30, id="tokens beyond all measure"),
    pytest.param(tip("r-1", NOON), ("usage", "completion_tokens"), -1, id="fewer tokens than none"),
    pytest.param(score("r-1", NOON, experiment="tone"), ("assignment", "coverage"), 2, id="more than all"),
    pytest.param(score("r-1", NOON, experiment="tone"), ("assignment", "weights"), {"calm": 1e308}, id="a weight"),
]


@pytest.mark.parametrize(("fact", "path", "value"), BEYOND_MEASURE)
def test_numbers_of_which_no_mean_can_be_taken_are_no_events(fact, path, value):
    with pytest.raises(ValidationError, match=path[-1]):
        type(fact).model_validate_json(changed(fact, *path, to=value))
