"""What each policy prefers: softmax, SquareCB, UCB1, and any of them with a floor."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.floor import PropensityFloor
from oo_experiments.policies.policy import Greedy, Uniform
from oo_experiments.policies.softmax import Softmax
from oo_experiments.policies.squarecb import SquareCB
from oo_experiments.policies.ucb import UCB1

values = st.lists(st.floats(-10, 10), min_size=1, max_size=12)


@given(values, st.floats(0.05, 10))
def test_softmaxes_chances_are_as_far_apart_as_exp_says(found, temperature):
    chances = Softmax(temperature).probabilities(ActionSet.all_eligible(*found))

    weights = [math.exp((value - max(found)) / temperature) for value in found]
    assert chances == pytest.approx([weight / sum(weights) for weight in weights], abs=1e-12)


def test_a_cold_softmax_is_greedy_and_a_hot_one_uniform():
    actions = ActionSet.all_eligible(0.2, 0.5, 0.4)

    assert Softmax(0.001).probabilities(actions) == pytest.approx((0, 1, 0), abs=1e-12)
    assert Softmax(1_000_000).probabilities(actions) == pytest.approx((1 / 3,) * 3, abs=1e-6)


@given(values, st.floats(0, 1000))
def test_squarecb_weighs_by_the_inverse_gap(found, gamma):
    chances = SquareCB(gamma).probabilities(ActionSet.all_eligible(*found))

    best = found.index(max(found))
    assert all(
        1 / chance - len(found) == pytest.approx(gamma * (found[best] - value), rel=1e-9, abs=1e-9)
        for place, (chance, value) in enumerate(zip(chances, found, strict=True))
        if place != best
    )
    assert max(chances) == pytest.approx(chances[best])


def test_ucb1_tries_what_is_unseen_first_and_the_first_of_equals():
    known = Beliefs().add(*[Contribution("a", 1.0)] * 5)

    assert UCB1(known).probabilities(ActionSet([0.0] * 3, [True] * 3, None, ["a", "b", "c"])) == (0.0, 1.0, 0.0)
    assert UCB1(known).probabilities(ActionSet([0.0] * 2, [True] * 2, None, ["a", "a"])) == (1.0, 0.0)


@pytest.mark.parametrize(("rounds", "best"), [(2, "rare"), (52, "rare"), (60, "often")])
def test_ucb1_weighs_means_against_rounds(rounds, best):
    """0.6 of 100 rounds against 0.5 of fewer: the bounds by hand, as the paper's figure 1 has them."""
    half = rounds // 2
    known = Beliefs().add(
        *[Contribution("often", 1.0)] * 60,
        *[Contribution("often", 0.0)] * 40,
        *[Contribution("rare", 1.0)] * half,
        *[Contribution("rare", 0.0)] * half,
    )
    log = 2 * math.log(100 + rounds)
    assert (0.6 + math.sqrt(log / 100) < 0.5 + math.sqrt(log / rounds)) == (best == "rare")

    chances = UCB1(known).probabilities(ActionSet([0.0] * 2, [True] * 2, None, ["often", "rare"]))

    assert chances == ((0.0, 1.0) if best == "rare" else (1.0, 0.0))


@given(values, st.floats(0, 1), st.floats(0, 100))
def test_a_floor_keeps_order_and_spacing(found, floor, gamma):
    actions = ActionSet.all_eligible(*found)
    plain, least = SquareCB(gamma).probabilities(actions), min(floor, 1 / len(found))

    floored = PropensityFloor(SquareCB(gamma), floor).probabilities(actions)

    assert sum(floored) == pytest.approx(1, abs=1e-12)
    assert min(floored) >= least
    for one, kept in zip(plain, floored, strict=True):
        for other, beside in zip(plain, floored, strict=True):
            assert (one <= other) <= (kept <= beside)
            assert kept - beside == pytest.approx((one - other) * (1 - least * len(found)), abs=1e-12)


def test_a_floor_is_for_those_that_may_be_chosen():
    actions = ActionSet([0.9, 0.1, 0.5, 0.2], [True, True, False, True])

    assert PropensityFloor(Greedy(), 0.1).probabilities(actions) == pytest.approx((0.8, 0.1, 0.0, 0.1))
    assert PropensityFloor(Greedy(), 0.9).probabilities(actions) == pytest.approx(Uniform().probabilities(actions))
    assert PropensityFloor(Greedy(), 0.1).probabilities(ActionSet([1.0], [False])) == (0.0,)
