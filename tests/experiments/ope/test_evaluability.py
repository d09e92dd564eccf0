"""A log that cannot say is told from one that can, with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from bandit_worlds import WORLDS
from oo_experiments.ope.estimators import ips
from oo_experiments.ope.evaluability import evaluability
from oo_experiments.ope.log import BanditLog


def uniform_log(target, rounds=2_000, users=200, seed=1, actions=4):
    """Logged evenly over `actions` actions; the target has the same chances in every round."""
    draw = np.random.default_rng(seed)
    target = np.array(target)
    action = draw.integers(actions, size=rounds)
    return BanditLog(
        user=np.arange(rounds) % users,
        users=users,
        action=action,
        propensity=np.full(rounds, 1 / actions),
        reward=draw.random(rounds),
        target=target[action],
        distribution=np.tile(target, (rounds, 1)),
    )


def reason(log):
    (only,) = evaluability(log).reasons
    return only


def test_a_sound_log_is_evaluable():
    found = evaluability(uniform_log([0.7, 0.1, 0.1, 0.1]))

    assert (found.label, found.reasons) == ("evaluable", ())
    assert found.support.mean_weight.lower < 1 < found.support.mean_weight.upper


@pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])
def test_sound_logs_are_hardly_ever_refused(world):
    draw = np.random.default_rng(1)

    refused = sum(bool(evaluability(world.log(draw, world.mean)).reasons) for _ in range(200))

    assert refused <= 3


def test_few_users_are_too_few():
    assert reason(uniform_log([0.25] * 4, users=29)) == "too few users: 29, and an interval over users needs 30"


def test_few_effective_rounds_are_too_few():
    assert reason(uniform_log([1.0, 0, 0, 0], rounds=160, users=40)).endswith("of 160 rounds is below 50")


def test_one_heavy_round_is_named():
    sound = uniform_log([0.25] * 4)
    propensity = sound.propensity.copy()
    propensity[7] = 0.25 / 400

    found = evaluability(BanditLog(sound.user, sound.users, sound.action, propensity, sound.reward, sound.target))

    assert "one round has 17% of all weight, more than 10%" in found.reasons


def test_one_users_rounds_are_named():
    sound = uniform_log([0.25] * 4)
    user = np.where(np.arange(len(sound)) < 1_000, 0, sound.user)

    found = evaluability(BanditLog(user, sound.users, sound.action, sound.propensity, sound.reward, sound.target))

    share, degrees = found.reasons
    assert share == "one user has 50% of all weight, more than 25%"
    assert degrees.startswith("a few users make most of the rounds: 200 users are worth 2.")


def test_a_few_users_who_make_most_of_the_rounds_are_worth_few_degrees_of_freedom():
    """Four of 200 users have nine rounds in ten, none of them a quarter; all rounds of a user are alike."""
    sound = uniform_log([0.25] * 4, rounds=6_000)
    user = np.where(np.arange(6_000) < 5_400, np.arange(6_000) % 4, sound.user)
    habit = np.random.default_rng(2).normal(size=200)[user]
    log = BanditLog(user, 200, sound.action, sound.propensity, habit, sound.target)

    assert reason(log).startswith("a few users make most of the rounds: 200 users are worth")
    assert reason(log).endswith("degrees of freedom, and an interval needs 4")


def test_rounds_of_a_few_users_that_do_not_hang_together_are_worth_more():
    sound = uniform_log([0.7, 0.1, 0.1, 0.1], rounds=6_000)
    user = np.where(np.arange(6_000) < 4_200, np.arange(6_000) % 6, sound.user)

    assert evaluability(BanditLog(user, 200, sound.action, sound.propensity, sound.reward, sound.target)).reasons == ()


def test_what_the_target_does_and_the_log_never_is_a_support_violation():
    """Three of the four actions are logged, evenly; the target wants the fourth in 2 rounds of 5."""
    found = evaluability(uniform_log([0.2, 0.2, 0.2, 0.4], actions=3), names=("a", "b", "c", "d"))

    assert found.label == "not evaluable"
    assert "mean weight is 0.600, surely below 1, so about 40% of the target's choices are never" in found.reasons[0]
    assert "40.0% of the target's choices are actions that were never logged: d" in found.reasons[1]


def test_a_target_that_never_does_what_was_logged_is_not_evaluable():
    log = uniform_log([0, 0, 0, 1.0], actions=3)

    assert evaluability(log).label == "not evaluable"
    assert ips(log).effective_sample_size == 0


def test_an_action_that_chance_alone_left_out_is_no_violation():
    """With 4,000 actions and 2,000 rounds most are never logged, and every estimate is still unbiased."""
    assert evaluability(uniform_log([1 / 4_000] * 4_000, actions=4_000)).reasons == ()


def test_propensities_that_are_too_small_are_found_out():
    sound = uniform_log([0.7, 0.1, 0.1, 0.1])
    halved = BanditLog(sound.user, sound.users, sound.action, sound.propensity / 2, sound.reward, sound.target)

    assert "surely above 1: these are not the propensities of the draws" in reason(halved)
