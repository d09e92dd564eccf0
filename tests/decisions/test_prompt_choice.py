"""A prompt version is named or drawn, and a draw can be made again from what its event says."""

from __future__ import annotations

import json

import pytest
from example_experiments import NOW, experiment
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.events import PromptAssignment
from oo_contracts.generate import GenerateRequest
from oo_decisions.prompt_choice import choose_prompt_version, decide_prompt_version, default_prompt_version
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.assignment.experiment import Holdout
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.policy import Uniform, decide
from oo_experiments.policies.policy_registry import policy_from_log

VERSIONS = ("v1", "v2")
THOMPSON = {"kind": "thompson", "floor": 0.02}
BELIEFS = Beliefs().add(*(Contribution("v2", 1.0, (0.5,)) for _ in range(9)))


def words(policy=THOMPSON, mode="active", versions=VERSIONS, **other):
    return experiment("words", policy, mode, about="prompts", prompts=list(versions), **other)


def chosen(prompt_version, *experiments, deployment=None, request_id="r-1", candidate_propensity=None, holdout=None):
    call = {"user_id": "u-1", "prompt_version": prompt_version, "candidate_propensity": candidate_propensity}
    request = GenerateRequest.model_validate_json(json.dumps(call | {"tasks": []}))
    active = ActiveExperiments(experiments, holdout, {"words": BELIEFS})
    return choose_prompt_version(request, deployment, active, request_id, NOW)


@pytest.mark.parametrize(
    ("called", "deployment", "version"),
    [(None, None, "v1"), (None, "", "v1"), (None, "v2", "v2"), ("v2", None, "v2"), ("v1", "v2", "v1")],
)
def test_the_calls_version_then_the_deployments_then_v1_and_none_of_them_is_drawn(called, deployment, version):
    choice = chosen(called, words(), deployment=deployment)

    assert (choice.version, choice.assignment, choice.propensity) == (version, None, None)


def test_a_version_that_does_not_exist_is_for_others_to_refuse():
    assert chosen("v999").version == "v999"
    assert default_prompt_version("v999") == "v999"


def test_auto_draws_one_of_the_experiments_versions():
    choice = chosen("auto", words(), candidate_propensity=0.25)

    facts = choice.assignment
    assert (facts.versions, facts.experiment.key, facts.policy.name) == (VERSIONS, "words", "thompson")
    assert choice.version in VERSIONS
    assert choice.propensity == facts.propensity == facts.propensities[VERSIONS.index(choice.version)]
    assert (facts.candidate_propensity, facts.joint_propensity) == (0.25, 0.25 * choice.propensity)
    assert Beliefs.from_plain(facts.beliefs) == BELIEFS


@pytest.mark.parametrize("deployment", [None, "v2"])
@pytest.mark.parametrize("holdout", [None, Holdout(share=1.0)])
def test_auto_is_the_default_where_no_experiment_runs_and_in_the_holdout(deployment, holdout):
    experiments = (words(),) if holdout else ()

    choice = chosen("auto", *experiments, deployment=deployment, holdout=holdout)

    version = deployment or "v1"
    assert (choice.version, choice.propensity, choice.assignment.versions) == (version, 1.0, (version,))
    assert choice.assignment.policy.name == "baseline"
    assert choice.assignment.joint_propensity is None


@pytest.mark.parametrize(
    ("mode", "deployment", "versions"),
    [
        ("active", "v3", VERSIONS),  # the default cannot act, so it is no arm
        ("active", "v2", VERSIONS),
        ("shadow", "v2", VERSIONS),
        ("shadow", "v3", ("v1", "v2", "v3")),
        ("apprentice", "v3", ("v1", "v2", "v3")),
    ],
)
def test_the_default_is_a_version_where_it_may_act(mode, deployment, versions):
    choice = chosen("auto", words(mode=mode), deployment=deployment)

    assert choice.assignment.versions == versions
    assert mode == "active" or (choice.version, choice.propensity) == (deployment, 1.0)


def test_who_only_watches_gives_each_version_its_propensity():
    choice = chosen("auto", words(shadows=[{"kind": "uniform"}]))

    (shadow,) = choice.assignment.shadows
    assert (shadow.policy.name, shadow.propensities) == ("uniform", (0.5, 0.5))


@given(
    st.sampled_from([THOMPSON, {"kind": "uniform"}, {"kind": "ucb1", "floor": 0.1}]),
    st.sampled_from(["active", "shadow", "apprentice"]),
    st.sampled_from([None, "v2", "v3"]),
    st.integers(0, 999),
)
def test_a_draw_is_made_again_from_its_event(policy, mode, deployment, number):
    request_id = f"r-{number}"
    choice = chosen("auto", words(policy, mode), deployment=deployment, request_id=request_id, candidate_propensity=0.3)
    logged = PromptAssignment.model_validate_json(choice.assignment.model_dump_json())
    beliefs = None if logged.beliefs is None else Beliefs.from_plain(logged.beliefs)

    again = decide_prompt_version(
        policy_from_log(logged.policy.name, logged.policy.version, beliefs), logged.versions, logged.default, request_id
    )

    assert (again.version, again.decision.propensity) == (choice.version, logged.propensity)
    assert again.decision.propensities == logged.propensities
    assert again.joint_propensity(logged.candidate_propensity) == logged.joint_propensity


def test_candidate_and_version_are_drawn_by_different_keys():
    draws = [decide_prompt_version(Uniform(), VERSIONS, "v1", f"r-{number}") for number in range(99)]

    alike = [item.decision.index == decide(Uniform(), item.actions, key=f"r-{n}").index for n, item in enumerate(draws)]

    assert 25 < sum(alike) < 75


def test_where_there_is_no_version_none_is_drawn():
    decided = decide_prompt_version(Uniform(), (), "v1", "r-1")

    assert (decided.version, decided.decision.propensities, decided.joint_propensity(0.5)) == (None, (), None)
