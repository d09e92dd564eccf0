"""Policies are probabilities; one function draws, and draws as often as they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.policy import (
    Baseline,
    EpsilonGreedy,
    Greedy,
    Uniform,
    decide,
    propensities_of,
    sample_index,
    uniform_from_key,
)

POLICIES = (Uniform(), Greedy(), Baseline(), EpsilonGreedy(0.1), EpsilonGreedy(0.0), EpsilonGreedy(1.0))
rounds = st.integers(1, 12).flatmap(
    lambda size: st.tuples(
        st.lists(st.floats(-10, 10), min_size=size, max_size=size),
        st.lists(st.booleans(), min_size=size, max_size=size),
        st.none() | st.integers(0, size - 1),
    )
)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: f"{policy.name}-{policy.version}")
@given(judged=rounds, key=st.text())
def test_chances_are_chances_and_the_drawn_one_is_possible(policy, judged, key):
    values, eligible, baseline = judged

    decision = decide(policy, ActionSet(values, eligible, baseline), key=key)

    assert all(0 <= chance <= 1 for chance in decision.propensities)
    assert all(chance == 0 for chance, able in zip(decision.propensities, eligible, strict=True) if not able)
    assert sum(decision.propensities) == pytest.approx(1 if any(eligible) else 0)
    assert propensities_of(policy, ActionSet(values, eligible, baseline)) == decision.propensities
    assert (decision.index is None) == (not any(eligible))
    assert decision.index is None or decision.propensity == decision.propensities[decision.index] > 0


@given(judged=rounds, key=st.text())
def test_a_decision_is_the_draw_of_its_chances_at_its_keys_point(judged, key):
    actions = ActionSet(*judged)
    chances = EpsilonGreedy(0.4).probabilities(actions)

    decided = decide(EpsilonGreedy(0.4), actions, key=key)

    assert decided.propensities == chances
    assert decided.index == (sample_index(chances, uniform_from_key(key)) if any(actions.eligible) else None)


def test_a_key_always_draws_the_same():
    draws = {decide(EpsilonGreedy(0.5), ActionSet.all_eligible(0.1, 0.2, 0.3), key="r-1") for _ in range(1000)}

    assert len(draws) == 1


def test_the_first_of_equals_is_the_best():
    assert Greedy().probabilities(ActionSet([1.0, 2.0, 2.0], [True] * 3, None)) == (0.0, 1.0, 0.0)


def test_the_baseline_is_the_recommenders_or_the_first_that_may_be_shown():
    assert Baseline().probabilities(ActionSet([0.0] * 3, [True] * 3, 1)) == (0.0, 1.0, 0.0)
    assert Baseline().probabilities(ActionSet([0.0] * 3, [False, True, True], None)) == (0.0, 1.0, 0.0)
    assert Baseline().probabilities(ActionSet([0.0] * 3, [True, True, False], 2)) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, float("nan")])
def test_epsilon_is_a_share(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        EpsilonGreedy(epsilon)
