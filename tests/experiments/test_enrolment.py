"""Who is in which arm of what runs: the holdout, the modes, the times, and definitions laid over each other."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_experiments.beliefs import Beliefs, Contribution
from oo_experiments.choice import Choice
from oo_experiments.enrolment import Running, assign
from oo_experiments.experiment import BadExperiment, Experiment, Holdout, load, parsed
from oo_experiments.policy import Baseline, EpsilonGreedy, Greedy

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
    running = Running((two(), experiment("words", about="prompts", prompts=["v1", "v2"])), Holdout(share=0.05))

    held = [user for user in USERS if (found := arm(running, user)) and found.mode == "holdout"]

    assert 0.04 < len(held) / len(USERS) < 0.06
    for user in held[:50]:
        for about in ("candidates", "prompts"):
            found = arm(running, user, about=about)
            assert (found.key, found.variant) == ("holdout", "baseline")
            assert found.acting(DEFAULT) == Baseline()
            assert found.shadows() == ()


def test_the_holdout_is_the_same_users_whatever_runs_and_grows_by_new_ones():
    small, large = (
        {user for user in USERS if (found := arm(running, user)) and found.mode == "holdout"}
        for running in (Running((), Holdout(share=0.05)), Running((two(),), Holdout(share=0.10)))
    )

    assert small < large


def test_who_is_not_held_out_keeps_the_arm():
    without, with_one = arms(Running((two(),))), arms(Running((two(),), Holdout(share=0.2)))

    assert {with_one[user] for user in USERS} == {"a", "b", "baseline"}
    assert all(with_one[user] in {without[user], "baseline"} for user in USERS)


# Weights and coverage


def test_raising_the_coverage_only_moves_users_in():
    before = arms(Running((two(coverage=0.1),)))
    for coverage in (0.2, 0.5, 1.0):
        after = arms(Running((two(coverage=coverage),)))
        assert all(after[user] == found for user, found in before.items() if found is not None)
        assert sum(found is not None for found in after.values()) == pytest.approx(coverage * len(USERS), rel=0.05)
        before = after


def test_the_weights_in_force_come_along():
    found = arm(Running((two(0.2, coverage=0.7, unit="request"),)), request="r-3")

    assert found is not None
    assert (found.weights, found.coverage, found.unit) == ({"a": 0.8, "b": 0.2}, 0.7, "request")


def test_by_request_an_arm_is_drawn_for_each_call():
    running = Running((two(unit="request"),))

    assert {arm(running, request=f"r-{number}").variant for number in range(50)} == {"a", "b"}
    assert {arm(Running((two(),)), request=f"r-{number}").variant for number in range(50)} <= {"a", "b"}


# Modes


@pytest.mark.parametrize(
    ("mode", "acting", "watched"),
    [("active", Greedy(), ()), ("shadow", DEFAULT, (Greedy(),)), ("apprentice", Baseline(), (Greedy(),))],
)
def test_a_mode_says_who_acts_and_who_is_logged(mode, acting, watched):
    only = {"name": "a", "weight": 1, "policy": GREEDY, "mode": mode}
    found = arm(Running((experiment(variants=[only], shadows=[{"kind": "uniform"}]),)))

    assert found.acting(DEFAULT) == acting
    assert [policy.name for policy in found.shadows()] == [*(policy.name for policy in watched), "uniform"]


def test_policies_act_by_what_their_experiment_has_learned():
    words = experiment("words", variants=[{"name": "a", "weight": 1, "policy": {"kind": "thompson"}}])
    taught = Beliefs().add(*[Contribution("v2", 1.0)] * 50, *[Contribution("v1", 0.0)] * 50)
    choice = Choice((0.0, 0.0), (True, True), 0, ("v1", "v2"))

    untaught = arm(Running((words,))).acting(DEFAULT).probabilities(choice)
    knowing = arm(Running((words,), beliefs={"words": taught})).acting(DEFAULT).probabilities(choice)

    assert untaught == pytest.approx((0.5, 0.5))
    assert knowing[1] > 0.999
    assert arm(Running((two(),), beliefs={"tone": taught})).beliefs is None  # it has no policy that believes


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
    assert (arm(Running((experiment(**other),))) is not None) == runs


# Definitions over each other


def test_a_definition_of_the_bucket_takes_the_place_of_the_files():
    files = Running((two(), experiment("other", namespace=("n", 0.0, 0.0))), Holdout(share=0.5))

    found = files.overlaid({"tone": two(status="stopped"), "holdout": Holdout(share=0.0)}, {})

    assert [item.key for item in found.experiments] == ["other", "tone"]
    assert arm(found) is None
    assert files.overlaid({}, {}) == files.overlaid({}, {})


@given(st.lists(st.sampled_from(["b", "a", "c"]), unique=True))
def test_which_experiment_comes_first_does_not_depend_on_where_it_is_from(keys):
    files, bucket = Running((experiment("b"),)), {key: experiment(key) for key in keys}

    assert [item.key for item in files.overlaid(bucket, {}).experiments] == sorted({"b", *keys})


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
        parsed("tone", plain)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"null"])
def test_a_value_of_the_bucket_that_is_none_is_refused(text):
    with pytest.raises(BadExperiment, match=r"^tone: "):
        parsed("tone", text)


def test_what_is_parsed_comes_back_from_its_own_json():
    found = two(0.3, coverage=0.5, start=NOW, shadows=[{"kind": "lints", "scale": 0.3, "floor": 0.01}])

    assert parsed("tone", found.model_dump_json()) == found


def test_two_files_of_one_key_are_refused(tmp_path):
    text = 'key = "tone"\npurpose = "x"\n[[variants]]\nname = "a"\nweight = 1\npolicy = { kind = "greedy" }\n'
    for name in ("one", "other"):
        (tmp_path / f"{name}.toml").write_text(text)

    with pytest.raises(BadExperiment, match="tone"):
        load(tmp_path)


def test_the_holdout_is_a_file_of_its_own(tmp_path):
    (tmp_path / "holdout.toml").write_text('share = 0.05\npurpose = "what all changes together are worth"\n')

    assert load(tmp_path) == ((), Holdout(share=0.05, purpose="what all changes together are worth"))


def test_the_readmes_example_is_an_experiment_and_names_its_shadow():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (block,) = re.findall(r"^ *```toml\n(.*?)^ *```", readme, re.MULTILINE | re.DOTALL)

    found = parsed("tone-2026-12.toml", tomllib.loads(dedent(block)))

    (shadow,) = (spec.build(Beliefs()) for spec in found.shadows)
    assert f"`oo-ml experiment beliefs {found.key}`" in readme
    assert f"--target '{shadow.name}-{shadow.version}'" in readme
