"""Every kind of policy: its chances are chances, and its name and version build it again, bit for bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.parameters import BadParameter
from oo_experiments.policies.policy import UnknownPolicy
from oo_experiments.policies.policy_registry import POLICIES, build_policy, policy_from_log

ARMS = ["v1", "v2", "none"]
rows = st.tuples(st.floats(0, 1), st.floats(0, 1))
beliefs = st.lists(st.builds(Contribution, st.sampled_from(ARMS), st.floats(-1, 1), rows), max_size=8).map(
    Beliefs.from_contributions
)
choices = st.integers(1, 8).flatmap(
    lambda size: st.builds(
        ActionSet,
        st.lists(st.floats(-10, 10), min_size=size, max_size=size),
        st.lists(st.booleans(), min_size=size, max_size=size),
        st.none() | st.integers(0, size - 1),
        st.lists(st.sampled_from(ARMS), min_size=size, max_size=size),
        st.lists(rows, min_size=size, max_size=size),
    )
)


def numbers(name, bounds):
    high = 64 if name == "draws" else bounds.high
    return st.integers(int(bounds.low), int(high)) if bounds.whole else st.floats(bounds.low, high)


def given_for(kind):
    ranges = {name: numbers(name, parameter.bounds) for name, parameter in POLICIES[kind].parameters.items()}
    needed = [name for name, parameter in POLICIES[kind].parameters.items() if parameter.default is None]
    return st.fixed_dictionaries(
        {name: ranges[name] for name in needed},
        optional={name: values for name, values in ranges.items() if name not in needed},
    ).filter(lambda found: found.get("low", 0) < found.get("high", 1))


@pytest.mark.parametrize("kind", POLICIES)
@given(data=st.data(), known=beliefs, choice=choices)
def test_chances_are_chances(kind, data, known, choice):
    policy = build_policy(kind, data.draw(given_for(kind)), known)

    chances = policy.probabilities(choice)

    assert len(chances) == len(choice.values)
    assert all(0 <= chance <= 1 for chance in chances)
    assert all(chance == 0 for chance, able in zip(chances, choice.eligible, strict=True) if not able)
    assert sum(chances) == pytest.approx(1 if any(choice.eligible) else 0, abs=1e-9)


@pytest.mark.parametrize("kind", POLICIES)
@given(data=st.data(), known=beliefs, choice=choices)
def test_an_event_builds_the_same_policy_again(kind, data, known, choice):
    policy = build_policy(kind, data.draw(given_for(kind)), known)

    again = policy_from_log(policy.name, policy.version, Beliefs.from_bytes(known.to_bytes()))

    assert again == policy
    assert again.probabilities(choice) == policy.probabilities(choice)


@pytest.mark.parametrize("kind", POLICIES)
def test_each_parameter_is_in_the_version(kind):
    """Another value of any parameter is another version."""
    needed = {"epsilon": 0.5} if kind == "epsilon_greedy" else {}
    plain = build_policy(kind, needed).version
    middles = {name: (parameter.bounds.low + 1.5) for name, parameter in POLICIES[kind].parameters.items()}
    middles |= {"epsilon": 0.25, "floor": 0.01, "low": -0.5, "high": 0.75, "draws": 7, "seed": 9}

    versions = {build_policy(kind, needed | {name: middles[name]}).version for name in POLICIES[kind].parameters}

    assert len(versions | {plain}) == 1 + len(POLICIES[kind].parameters)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("uniform", "1"),
        ("greedy", "1"),
        ("baseline", "1"),
        ("epsilon-greedy", "0.1"),
        ("epsilon-greedy", "0"),
        ("epsilon-greedy", "0.1,floor=0.02"),
        ("greedy", "1,floor=0.05"),
        ("softmax", "temperature=0.5"),
        ("squarecb", "gamma=20,floor=0.01"),
        ("thompson", "prior_wins=1,prior_losses=1,low=0,high=1"),
        ("ucb1", "low=-0.5,high=1"),
        ("linucb", "alpha=1,ridge=1"),
        ("lints", "scale=0.5,ridge=1,draws=500,seed=0,floor=0.001"),
    ],
)
def test_versions_in_logs_stay_readable(name, version):
    found = policy_from_log(name, version, Beliefs())

    assert (found.name, found.version) == (name, version)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("bagging", "1"),
        ("uniform", "2"),
        ("uniform", ""),
        ("epsilon-greedy", "0.10"),
        ("epsilon-greedy", "1.5"),
        ("epsilon-greedy", "nan"),
        ("epsilon-greedy", "epsilon=0.1"),
        ("squarecb", "gamma=20,floor=0"),
        ("squarecb", "floor=0.1,gamma=20"),
        ("squarecb", "gamma=20.0"),
        ("squarecb", "gamma=20,gamma=20"),
        ("squarecb", ""),
        ("squarecb", "gamma"),
        ("thompson", "prior_wins=1,prior_losses=1,low=0"),
        ("lints", "scale=0.5,ridge=1,draws=0.5,seed=0"),
    ],
)
def test_what_no_policy_says_is_unknown(name, version):
    with pytest.raises(UnknownPolicy):
        policy_from_log(name, version, Beliefs())


@pytest.mark.parametrize("kind", [kind for kind, made in POLICIES.items() if made.beliefs])
def test_a_logged_policy_is_unknown_without_its_beliefs(kind):
    policy = build_policy(kind, {})

    with pytest.raises(UnknownPolicy, match="without its beliefs"):
        policy_from_log(policy.name, policy.version)


@pytest.mark.parametrize(
    ("kind", "parameters", "problem"),
    [
        ("epsilon_greedy", {}, "epsilon is what epsilon_greedy needs: a number from 0 to 1"),
        ("greedy", {"gamma": 3}, "gamma is no parameter of greedy, which has floor"),
        ("squarecb", {"gamma": -1}, "gamma is a number from 0 to 1000000, not -1"),
        ("softmax", {"temperature": 0}, "temperature is a number from 0.001 to 1000000, not 0"),
        ("lints", {"draws": 1.5}, "draws is a whole number from 1 to 100000, not 1.5"),
        ("uniform", {"floor": float("nan")}, "floor is a number from 0 to 1, not nan"),
        ("thompson", {"low": 0.5, "high": 0.2}, "high has to be above low"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(kind, parameters, problem):
    with pytest.raises(BadParameter, match=f"^{problem}") as raised:
        build_policy(kind, parameters)

    assert problem.startswith(raised.value.name)


def test_a_kind_that_is_not_there_is_named():
    with pytest.raises(UnknownPolicy, match="bagging is none of uniform, greedy"):
        build_policy("bagging", {})
