"""A drawn prompt version is drawn again from its event, and each change of the event is named."""

from __future__ import annotations

import json

import pytest
from example_experiments import NOW, experiment
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.checksums import with_checksums
from oo_contracts.events import GenerateDecision
from oo_contracts.generate import GenerateRequest, Usage
from oo_contracts.score import PolicyInfo
from oo_decisions.prompt_choice import choose_prompt_version
from oo_decisions.prompt_replay import prompt_differences
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.policy import UnknownPolicy

BELIEFS = Beliefs().add(*(Contribution("v2", 1.0, (0.5,)) for _ in range(9)))


def made(mode="active", prompt_version="auto", deployment=None, request_id="r-1"):
    """The event of a tip, as it is read from a log."""
    call = {"user_id": "u-1", "prompt_version": prompt_version, "candidate_propensity": 0.25, "tasks": []}
    only = experiment(
        "words",
        {"kind": "thompson", "floor": 0.02},
        mode,
        about="prompts",
        prompts=["v1", "v2"],
        shadows=[{"kind": "uniform"}],
    )
    active = ActiveExperiments((only,), beliefs={"words": BELIEFS})
    request = GenerateRequest.model_validate_json(json.dumps(call))
    choice = choose_prompt_version(request, deployment, active, request_id, NOW)
    event = GenerateDecision(
        event_id="e-1",
        request_id=request_id,
        user_id="u-1",
        decided_at=NOW,
        candidate_id=None,
        prompt_version=choice.version,
        prompt_digest="0",
        model="small",
        fallback=None,
        usage=Usage(),
        latency_ms=1.0,
        draw=choice.assignment,
    )
    return GenerateDecision.model_validate_json((with_checksums(event) if event.draw else event).model_dump_json())


def with_draw(event, **change):
    return event.model_copy(update={"draw": event.draw.model_copy(update=change)})


def named(event):
    return [item.what for item in prompt_differences(event)]


@given(st.sampled_from(["active", "shadow", "apprentice"]), st.sampled_from([None, "v2", "v3"]), st.integers(0, 999))
def test_what_was_drawn_is_drawn_again(mode, deployment, number):
    assert prompt_differences(made(mode, deployment=deployment, request_id=f"r-{number}")) == []


def test_of_a_version_that_was_named_there_is_nothing_to_compare():
    event = made(prompt_version="v2")

    assert (event.draw, prompt_differences(event)) == (None, [])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"propensity": 0.5}, ["propensity of the prompt version"]),
        ({"propensities": (0.5, 0.5)}, ["propensities of prompt versions"]),
        ({"joint_propensity": None}, ["joint propensity"]),
        ({"candidate_propensity": None}, ["joint propensity", "seal of candidate_propensity"]),
        ({"default": "v2"}, ["seal of default"]),
        ({"beliefs": {}}, ["beliefs", "seal of beliefs"]),
    ],
    ids=lambda item: next(iter(item)),
)
def test_each_change_of_a_draw_is_named(change, what):
    assert named(with_draw(made(), **change)) == what


def test_another_version_and_other_propensities_of_who_watches_are_named():
    event = made()
    other = event.model_copy(update={"prompt_version": "v1" if event.prompt_version == "v2" else "v2"})
    shadow = event.draw.shadows[0].model_copy(update={"propensities": (0.25, 0.75)})

    (difference,) = prompt_differences(other)

    assert (difference.what, difference.logged, difference.recomputed) == (
        "prompt version",
        other.prompt_version,
        event.prompt_version,
    )
    assert named(with_draw(event, shadows=(shadow,))) == ["propensities by shadow uniform 1"]


def test_a_policy_that_is_not_known_is_refused():
    with pytest.raises(UnknownPolicy):
        prompt_differences(with_draw(made(), policy=PolicyInfo(name="oracle", version="1")))
