"""A log that cannot say is told from one that can, with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from bandit_worlds import WORLDS
from oo_experiments.ope.estimators import ips
from oo_experiments.ope.log import Log
from oo_experiments.ope.verdict import judge


def uniform_log(target, rounds=2_000, users=200, seed=1, actions=4):
    """Logged evenly over `actions` actions; the target has the same chances in every round."""
    draw = np.random.default_rng(seed)
    target = np.array(target)
    action = draw.integers(actions, size=rounds)
    return Log(
        user=np.arange(rounds) % users,
        users=users,
        action=action,
        propensity=np.full(rounds, 1 / actions),
        reward=draw.random(rounds),
        target=target[action],
        distribution=np.tile(target, (rounds, 1)),
    )


def reason(log):
    (only,) = judge(log).reasons
    return only


def test_a_sound_log_is_evaluable():
    found = judge(uniform_log([0.7, 0.1, 0.1, 0.1]))

    assert (found.said, found.reasons) == ("evaluable", ())
    assert found.support.mean_weight.lower < 1 < found.support.mean_weight.upper


@pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])
def test_sound_logs_are_hardly_ever_refused(world):
    draw = np.random.default_rng(1)

    refused = sum(bool(judge(world.log(draw, world.mean)).reasons) for _ in range(200))

    assert refused <= 3


def test_few_users_are_too_few():
    assert reason(uniform_log([0.25] * 4, users=29)) == "too few users: 29, and an interval over users needs 30"


def test_few_effective_rounds_are_too_few():
    assert reason(uniform_log([1.0, 0, 0, 0], rounds=160, users=40)).endswith("of 160 rounds is below 50")


def test_one_heavy_round_is_named():
    sound = uniform_log([0.25] * 4)
    propensity = sound.propensity.copy()
    propensity[7] = 0.25 / 400

    found = judge(Log(sound.user, sound.users, sound.action, propensity, sound.reward, sound.target))

    assert "one round has 17% of all weight, more than 10%" in found.reasons


def test_one_users_rounds_are_named():
    sound = uniform_log([0.25] * 4)
    user = np.where(np.arange(len(sound)) < 1_000, 0, sound.user)

    found = judge(Log(user, sound.users, sound.action, sound.propensity, sound.reward, sound.target))

    assert found.reasons == ("one user has 50% of all weight, more than 25%",)


def test_what_the_target_does_and_the_log_never_is_a_support_violation():
    """Three of the four actions are logged, evenly; the target wants the fourth in 2 rounds of 5."""
    found = judge(uniform_log([0.2, 0.2, 0.2, 0.4], actions=3), names=("a", "b", "c", "d"))

    assert found.said == "not evaluable"
    assert "mean weight is 0.600, surely below 1, so about 40% of the target's choices are never" in found.reasons[0]
    assert "40.0% of the target's choices are actions that were never logged: d" in found.reasons[1]


def test_a_target_that_never_does_what_was_logged_is_not_evaluable():
    log = uniform_log([0, 0, 0, 1.0], actions=3)

    assert judge(log).said == "not evaluable"
    assert ips(log).effective_sample_size == 0


def test_an_action_that_chance_alone_left_out_is_no_violation():
    """With 4,000 actions and 2,000 rounds most are never logged, and every estimate is still unbiased."""
    assert judge(uniform_log([1 / 4_000] * 4_000, actions=4_000)).reasons == ()


def test_propensities_that_are_too_small_are_found_out():
    sound = uniform_log([0.7, 0.1, 0.1, 0.1])
    halved = Log(sound.user, sound.users, sound.action, sound.propensity / 2, sound.reward, sound.target)

    assert "surely above 1: these are not the propensities of the draws" in reason(halved)
