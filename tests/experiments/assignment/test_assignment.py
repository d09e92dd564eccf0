"""Who is in which arm of what runs: the holdout, the modes, and the times."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from oo_experiments.assignment.assignment import ActiveExperiments, assign
from oo_experiments.assignment.experiment import BadExperiment, Experiment, Holdout, load_experiments, parse_definition
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.policy import Baseline, EpsilonGreedy, Greedy
from oo_experiments.policies.policy_registry import POLICIES

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DEFAULT = EpsilonGreedy(0.1)
GREEDY = {"kind": "greedy"}
USERS = [f"u-{number}" for number in range(20_000)]


def experiment(key="tone", **other):
    variants = other.pop("variants", [{"name": "a", "weight": 0.5, "policy": GREEDY}, *other.pop("more", [])])
    if len(variants) == 1:
        variants = [variants[0] | {"weight": 1.0}]
    return Experiment.model_validate({"key": key, "purpose": "a test", "variants": variants} | other)


def two(weight=0.5, **other):
    policies = ({"kind": "greedy"}, {"kind": "softmax", "temperature": 0.1})
    weights = (1 - weight, weight)
    variants = [
        {"name": name, "weight": share, "policy": policy}
        for name, share, policy in zip(("a", "b"), weights, policies, strict=True)
    ]
    return experiment(variants=variants, **other)


def arm(running, user="u-1", request="r-1", about="candidates", now=NOW):
    return assign(running, about, user, request, now)


def arms(running, users=USERS):
    return {user: found.variant if (found := arm(running, user)) else None for user in users}


# The holdout


def test_who_is_held_out_gets_the_baseline_of_everything():
    running = ActiveExperiments(
        (two(), experiment("words", about="prompts", prompts=["v1", "v2"])), Holdout(share=0.05)
    )

    held = [user for user in USERS if (found := arm(running, user)) and found.mode == "holdout"]

    assert 0.04 < len(held) / len(USERS) < 0.06
    for user in held[:50]:
        for about in ("candidates", "prompts"):
            found = arm(running, user, about=about)
            assert (found.key, found.variant) == ("holdout", "baseline")
            assert found.acting_policy(DEFAULT) == Baseline()
            assert found.shadow_policies() == ()


def test_the_holdout_is_the_same_users_whatever_runs_and_grows_by_new_ones():
    small, large = (
        {user for user in USERS if (found := arm(running, user)) and found.mode == "holdout"}
        for running in (ActiveExperiments((), Holdout(share=0.05)), ActiveExperiments((two(),), Holdout(share=0.10)))
    )

    assert small < large


def test_who_is_not_held_out_keeps_the_arm():
    without, with_one = arms(ActiveExperiments((two(),))), arms(ActiveExperiments((two(),), Holdout(share=0.2)))

    assert {with_one[user] for user in USERS} == {"a", "b", "baseline"}
    assert all(with_one[user] in {without[user], "baseline"} for user in USERS)


# Weights and coverage


def test_raising_the_coverage_only_moves_users_in():
    before = arms(ActiveExperiments((two(coverage=0.1),)))
    for coverage in (0.2, 0.5, 1.0):
        after = arms(ActiveExperiments((two(coverage=coverage),)))
        assert all(after[user] == found for user, found in before.items() if found is not None)
        assert sum(found is not None for found in after.values()) == pytest.approx(coverage * len(USERS), rel=0.05)
        before = after


def test_the_weights_in_force_come_along():
    found = arm(ActiveExperiments((two(0.2, coverage=0.7, unit="request"),)), request="r-3")

    assert found is not None
    assert (found.weights, found.coverage, found.unit) == ({"a": 0.8, "b": 0.2}, 0.7, "request")


def test_by_request_an_arm_is_drawn_for_each_call():
    running = ActiveExperiments((two(unit="request"),))

    assert {arm(running, request=f"r-{number}").variant for number in range(50)} == {"a", "b"}
    assert {arm(ActiveExperiments((two(),)), request=f"r-{number}").variant for number in range(50)} <= {"a", "b"}


# Modes


@pytest.mark.parametrize(
    ("mode", "acting", "watched"),
    [("active", Greedy(), ()), ("shadow", DEFAULT, (Greedy(),)), ("apprentice", Baseline(), (Greedy(),))],
)
def test_a_mode_says_who_acts_and_who_is_logged(mode, acting, watched):
    only = {"name": "a", "weight": 1, "policy": GREEDY, "mode": mode}
    found = arm(ActiveExperiments((experiment(variants=[only], shadows=[{"kind": "uniform"}]),)))

    assert found.acting_policy(DEFAULT) == acting
    assert [policy.name for policy in found.shadow_policies()] == [*(policy.name for policy in watched), "uniform"]


def test_policies_act_by_what_their_experiment_has_learned():
    words = experiment("words", variants=[{"name": "a", "weight": 1, "policy": {"kind": "thompson"}}])
    taught = Beliefs().add(*[Contribution("v2", 1.0)] * 50, *[Contribution("v1", 0.0)] * 50)
    actions = ActionSet((0.0, 0.0), (True, True), 0, ("v1", "v2"))

    untaught = arm(ActiveExperiments((words,))).acting_policy(DEFAULT).probabilities(actions)
    knowing = arm(ActiveExperiments((words,), beliefs={"words": taught})).acting_policy(DEFAULT).probabilities(actions)

    assert untaught == pytest.approx((0.5, 0.5))
    assert knowing[1] > 0.999
    assert arm(ActiveExperiments((two(),), beliefs={"tone": taught})).beliefs is None  # it has no policy that believes


# Times


@pytest.mark.parametrize(
    ("other", "runs"),
    [
        ({}, True),
        ({"status": "stopped"}, False),
        ({"start": NOW}, True),
        ({"start": NOW + timedelta(microseconds=1)}, False),
        ({"stop": NOW}, False),
        ({"stop": NOW + timedelta(microseconds=1)}, True),
        ({"start": NOW - timedelta(1), "stop": NOW + timedelta(1)}, True),
    ],
)
def test_an_experiment_runs_from_its_start_to_its_stop(other, runs):
    assert (arm(ActiveExperiments((experiment(**other),))) is not None) == runs


# What is refused


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"key": "holdout"}, "holdout"),
        ({"variants": [{"name": "a", "weight": 0.5, "policy": GREEDY}] * 2}, "two variants are called a"),
        ({"start": NOW, "stop": NOW}, "stop must be after start"),
        ({"start": "2026-11-25T12:00:00"}, "start"),
        ({"about": "prompts"}, "prompts"),
        ({"prompts": ["v1"]}, "prompts"),
        ({"about": "prompts", "prompts": ["v1", "v1"]}, "twice"),
        ({"about": "prompts", "prompts": ["v1"], "shadows": [{"kind": "linucb"}]}, "feature row"),
        ({"shadows": [{"kind": "epsilon_greedy"}]}, r"shadows\.0.*epsilon"),
        ({"shadows": [{"kind": "softmax", "temperature": "hot"}]}, r"shadows\.0.*temperature"),
        ({"shadows": [{"kind": "softmax", "temperature": True}]}, r"shadows\.0.*temperature"),
        ({"shadows": [{"kind": "softmax", "temperature": None}]}, r"shadows\.0.*temperature"),
        ({"shadows": [{"kind": "softmax", "temperature": [1]}]}, r"shadows\.0.*temperature"),
        ({"shadows": [{"kind": "softmax", "temperature": -1}]}, r"shadows\.0.*temperature"),
        ({"shadows": [{"kind": "greedy", "epsilon": 0.1}]}, r"shadows\.0.*epsilon"),
        ({"shadows": [{"kind": "greedy", "floor": 2}]}, r"shadows\.0.*floor"),
        ({"shadows": [{"kind": "psychic"}]}, r"shadows\.0\.kind"),
        ({"unit": "device"}, "unit"),
        ({"typo": 1}, "typo"),
        ({"coverage": float("nan")}, "coverage"),
    ],
)
def test_what_is_no_experiment_is_refused_with_its_field(other, named):
    plain = {"key": "tone", "purpose": "x", "variants": [{"name": "a", "weight": 1, "policy": GREEDY}]} | other

    with pytest.raises(BadExperiment, match=rf"^tone: .*{named}"):
        parse_definition("tone", plain)


TWO = [{"name": "a", "weight": 0.6, "policy": GREEDY}, {"name": "a", "weight": 0.6, "policy": GREEDY}]


@pytest.mark.parametrize(
    ("other", "mistakes"),
    [
        pytest.param(
            {"coverage": 3, "unit": "device", "kee": "x"},
            {
                "coverage: Input should be less than or equal to 1",
                "unit: Input should be 'user' or 'request'",
                "kee: there is no such field: did you mean key?",
            },
            id="fields",
        ),
        pytest.param(
            {"variants": [{"name": "a", "weigth": 1, "policy": {"kind": "psychic"}}]},
            {
                "variants.0.weight: this field is required",
                "variants.0.weigth: there is no such field: did you mean weight?",
                "variants.0.policy.kind: psychic is none of " + ", ".join(POLICIES),
            },
            id="of a variant",
        ),
        pytest.param(
            {"variants": TWO, "start": NOW, "stop": NOW},
            {
                "file: the variants' weights must add up to 1; two variants are called a; stop must be after start",
            },
            id="fields that do not fit together",
        ),
        pytest.param(
            {"variants": TWO, "coverage": 3},
            {
                "coverage: Input should be less than or equal to 1",
                "the variants' weights must add up to 1",
                "two variants are called a",
            },
            id="fields, and variants that do not fit together",
        ),
        pytest.param(
            {"shadows": [{"kind": "softmax", "temprature": 1, "floor": 2}]},
            {
                (
                    "shadows.0: temprature is no parameter of softmax, which has temperature, floor: "
                    "did you mean temperature?; floor is a number from 0 to 1, not 2"
                ),
            },
            id="parameters of a policy",
        ),
    ],
)
def test_every_mistake_of_a_definition_is_named_at_once(other, mistakes):
    plain = {"key": "tone", "purpose": "x", "variants": [{"name": "a", "weight": 1, "policy": GREEDY}]} | other

    with pytest.raises(BadExperiment) as refused:
        parse_definition("tone", plain)

    assert set(refused.value.mistakes) == mistakes


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"null"])
def test_a_value_of_the_bucket_that_is_none_is_refused(text):
    with pytest.raises(BadExperiment, match=r"^tone: "):
        parse_definition("tone", text)


def test_what_is_parsed_comes_back_from_its_own_json():
    found = two(0.3, coverage=0.5, start=NOW, shadows=[{"kind": "lints", "scale": 0.3, "floor": 0.01}])

    assert parse_definition("tone", found.model_dump_json()) == found


def test_two_files_of_one_key_are_refused(tmp_path):
    text = 'key = "tone"\npurpose = "x"\n[[variants]]\nname = "a"\nweight = 1\npolicy = { kind = "greedy" }\n'
    for name in ("one", "other"):
        (tmp_path / f"{name}.toml").write_text(text)

    with pytest.raises(BadExperiment, match="tone"):
        load_experiments(tmp_path)


def test_the_holdout_is_a_file_of_its_own(tmp_path):
    (tmp_path / "holdout.toml").write_text('share = 0.05\npurpose = "what all changes together are worth"\n')

    assert load_experiments(tmp_path) == ((), Holdout(share=0.05, purpose="what all changes together are worth"))


def test_the_documented_example_is_an_experiment_and_its_shadow_can_be_evaluated():
    text = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text()
    (block,) = re.findall(r"^ *```toml\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)

    definition = parse_definition("tone-2026-12.toml", tomllib.loads(dedent(block)))

    (shadow,) = (spec.build(Beliefs()) for spec in definition.shadows)
    assert f"`oo-ml experiment beliefs {definition.key}`" in text
    assert f"--target '{shadow.name}-{shadow.version}'" in text
