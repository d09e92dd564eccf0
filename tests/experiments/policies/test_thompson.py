"""Thompson's odds against draws, and how beliefs and candidates become them."""

from __future__ import annotations

import numpy as np
import pytest
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.parameters import BadParameter
from oo_experiments.policies.thompson import Thompson, probabilities_of_best

DRAWS = 1_000_000


def unlike(seed):
    """Arms of 1 to a million rounds, and rates near 0 and 1 as well as between."""
    draw = np.random.default_rng(seed)
    rounds, rates = 10 ** draw.uniform(0, 6, 6), draw.beta(0.5, 0.5, 6)
    return tuple(zip((0.5 + rounds * rates).tolist(), (0.5 + rounds * (1 - rates)).tolist(), strict=True))


def close(seed):
    """Arms of as many rounds, whose rates differ by about what such rounds can tell."""
    draw = np.random.default_rng(seed)
    rounds = 10 ** draw.uniform(1, 6)
    rates = np.clip(0.2 + draw.normal(size=5) * np.sqrt(0.16 / rounds), 0, 1)
    return tuple(zip((0.5 + rounds * rates).tolist(), (0.5 + rounds * (1 - rates)).tolist(), strict=True))


@pytest.mark.long
@pytest.mark.parametrize(
    "arms",
    [
        pytest.param(((1, 1),) * 10, id="unseen arms"),
        pytest.param(((0.5, 0.5),) * 5, id="U-shaped"),
        pytest.param(((0.1, 0.1), (0.1, 5), (5, 0.1), (1, 1)), id="steep at both ends"),
        pytest.param(((0.5, 0.5), (3e5, 7e5), (3.005e5, 6.995e5), (0.5, 1e6)), id="peaks beside a U"),
        pytest.param(((3e5, 7e5), (3.002e5, 6.998e5), (3.004e5, 6.996e5)), id="a million rounds each"),
        pytest.param(((1, 1), *((5e5, 5e5),) * 5), id="five peaks in one place and an unseen arm"),
        pytest.param(((0.5, 1e6), (0.5, 1e5), (1, 1e6)), id="never a reward"),
        pytest.param(((1e6, 0.5), (2e6, 0.5), (1e5, 1)), id="always a reward"),
        pytest.param(tuple((1 + place, 30 - place) for place in range(30)), id="thirty arms"),
        pytest.param(tuple((1 + place, 200 - place) for place in range(0, 200, 3)), id="sixty-seven arms"),
        pytest.param(tuple((1 + 7 * place % 100, 1 + 11 * place % 90) for place in range(90)), id="ninety arms"),
        *(pytest.param(unlike(seed), id=f"unlike arms {seed}") for seed in range(3)),
        *(pytest.param(close(seed), id=f"close arms {seed}") for seed in range(3)),
    ],
)
def test_odds_match_a_million_draws_to_0_003(arms):
    draw = np.random.default_rng(7)
    best, rate = np.zeros(DRAWS, np.int64), np.full(DRAWS, -1.0)
    for place, (a, b) in enumerate(arms):
        drawn = draw.beta(a, b, DRAWS)
        best[drawn > rate] = place
        rate = np.maximum(rate, drawn)

    odds = probabilities_of_best(arms)

    assert np.abs(np.bincount(best, minlength=len(arms)) / DRAWS - odds).max() < 0.003
    assert sum(odds) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("a", "b"), [(2, 1), (3, 1), (10, 1), (0.5, 1)])
def test_odds_against_one_unseen_arm_are_the_mean(a, b):
    """P(Beta(a, b) > uniform) = a / (a + b)."""
    assert probabilities_of_best(((a, b), (1, 1)))[0] == pytest.approx(a / (a + b), abs=0.001)


def test_candidates_of_one_arm_share_its_odds():
    known = Beliefs().add(*[Contribution("v1", 1.0)] * 3, *[Contribution("v2", 0.0)] * 2)
    alone = Thompson(known).probabilities(ActionSet([0.0] * 2, [True] * 2, 0, ["v1", "v2"]))

    chances = Thompson(known).probabilities(
        ActionSet([0.0] * 4, [True, True, False, True], 0, ["v1", "v2", "v2", "v1"])
    )

    assert chances == (alone[0] / 2, alone[1], 0.0, alone[0] / 2)


def test_a_reward_is_a_share_of_the_way_from_low_to_high():
    whole = Beliefs().add(*[Contribution("a", 1.0)] * 3, *[Contribution("a", 0.0)] * 5)
    shifted = Beliefs().add(*[Contribution("a", 0.5)] * 3, *[Contribution("a", -0.3)] * 5)
    actions = ActionSet([0.0] * 2, [True] * 2, 0, ["a", "b"])

    expected = Thompson(whole).probabilities(actions)

    assert Thompson(shifted, low=-0.3, high=0.5).probabilities(actions) == pytest.approx(expected, abs=1e-9)
    assert expected[0] == pytest.approx(4 / 10, abs=0.001)


def test_rewards_beyond_the_range_count_as_its_ends():
    best = Beliefs().add(*[Contribution("a", 5.0)] * 4)
    actions = ActionSet([0.0] * 2, [True] * 2, 0, ["a", "b"])

    assert Thompson(best).probabilities(actions)[0] == pytest.approx(5 / 6, abs=0.001)


def test_an_arm_has_the_prior_until_its_first_round():
    actions = ActionSet([0.0] * 2, [True] * 2, 0, ["seen", "unseen"])
    known = Beliefs().add(*[Contribution("seen", 0.0)] * 20)

    assert Thompson(Beliefs()).probabilities(actions) == pytest.approx((0.5, 0.5))
    assert Thompson(known, prior_wins=2, prior_losses=8).probabilities(actions)[1] > 0.8


def test_a_choice_without_arms_is_refused():
    with pytest.raises(ValueError, match="2 candidates have 0 arms"):
        Thompson(Beliefs()).probabilities(ActionSet.all_eligible(0.1, 0.2))


def test_low_is_below_high():
    with pytest.raises(BadParameter, match="high has to be above low"):
        Thompson(Beliefs(), low=0.5, high=0.5)
