"""Plans come true: the number of users that is said is the number that simulated experiments take.

For the always-valid interval that is the first look that excludes zero: half of the experiments have ended by the
planned median. A fixed interval has one look, so its plan is kept when the planned share excludes zero at that look;
the first of many looks that does would come earlier, and often be wrong.
"""

from __future__ import annotations

import numpy as np
import pytest
from oo_experiments.statistics import power
from oo_experiments.statistics.quantiles import normal_quantile
from oo_experiments.statistics.sequential import radius
from scipy import stats

RUNS = 200


def first_look(apart, stderr, users, tuning=5_000):
    """The number of users at which each run's always-valid interval first excludes zero."""
    excluded = abs(apart) > radius(stderr, users, tuning=tuning)
    return np.where(excluded.any(axis=1), users[excluded.argmax(axis=1)], np.inf)


def split(draw, users, effect, share):
    """Runs of users with five rounds each of an icc of 0.25, looked at every 25 users: (difference, stderr, users)."""
    at = np.arange(100, users, 25)
    treated = draw.random((RUNS, users)) < share
    value = draw.normal(0, 1, (RUNS, users)) + draw.normal(0, np.sqrt(3 / 5), (RUNS, users)) + effect * treated
    means, errors = [], []
    for side in (treated, ~treated):
        count, total, square = (np.cumsum(of, axis=1)[:, at - 1] for of in (side, value * side, value**2 * side))
        means.append(total / count)
        errors.append((square / count - means[-1] ** 2) / count)
    return means[0] - means[1], np.sqrt(errors[0] + errors[1]), at.astype(float)


@pytest.mark.parametrize(("effect", "share"), [(0.25, 0.5), (0.4, 0.2)])
def test_a_split_takes_as_many_users_as_planned(effect, share):
    of_user = power.user_mean_variance(4.0, 5, 0.25)
    variance = power.split_variance(of_user, of_user, share)
    median = power.sequential_users(variance, effect, power=0.5)
    most, once = power.sequential_users(variance, effect), power.fixed_users(variance, effect)

    apart, stderr, users = split(np.random.default_rng(1), int(2 * most), effect, share)

    taken = first_look(apart, stderr, users)
    last = np.searchsorted(users, once)
    seen = (abs(apart[:, last]) > stderr[:, last] * normal_quantile(0.975)).sum()
    assert np.median(taken) == pytest.approx(median, rel=0.25)
    assert stats.binomtest(int((taken <= most).sum()), RUNS, 0.8).pvalue > 1e-4
    assert stats.binomtest(int(seen), RUNS, 0.8).pvalue > 1e-4


FLOOR, ACTIONS, GAIN = 0.05, 4, 0.1


def bandit(draw, shape, floor=FLOOR):
    """A log whose champion takes action 0 but for the floor; the challenger takes action 1, which earns more."""
    best = 1 - (ACTIONS - 1) * floor
    chances = np.array([best, *[floor] * (ACTIONS - 1)])
    action = draw.choice(ACTIONS, p=chances, size=shape)
    reward = (draw.random(shape) < 0.5 + GAIN * (action == 1)).astype(float)
    return chances[action], (action == 1).astype(float), reward


def waits(draw, users, per_user, floor=FLOOR):
    """As `first_look`, of the challenger against the policy that logged, with so many rounds of each user."""
    propensity, target, reward = bandit(draw, (RUNS, users, per_user), floor)
    apart = ((target / propensity - 1) * reward).mean(axis=2)
    at = np.arange(100, users, 50)
    mean, square = (of.cumsum(axis=1)[:, at - 1] / at for of in (apart, apart**2))
    return first_look(mean, np.sqrt((square - mean**2) / at), at.astype(float))


def logged(draw, users, per_user):
    propensity, target, reward = (column.ravel() for column in bandit(draw, (users, per_user)))
    user = np.repeat(np.arange(users), per_user)
    return power.PowerLog.of(propensity, target, reward, user, np.full(len(user), ACTIONS))


def test_an_off_policy_comparison_takes_as_many_users_as_planned_from_a_log():
    draw = np.random.default_rng(2)
    log = logged(draw, 4_000, 3)

    planned = power.sequential_users(log.variance, GAIN * (1 - FLOOR), power=0.5)

    assert log.rounds_per_user == 3
    assert np.median(waits(draw, int(3 * planned), 3)) == pytest.approx(planned, rel=0.25)


def test_and_from_its_floor_alone():
    variance = power.weighted_variance(0.5, 0.5 + GAIN, FLOOR)  # of rewards 0 and 1, the mean squares are the means

    planned = power.sequential_users(variance, GAIN * (1 - FLOOR), power=0.5)

    assert np.median(waits(np.random.default_rng(3), int(3 * planned), 1)) == pytest.approx(planned, rel=0.25)


def second_moment(draw, logging):
    """Mean of ((π - p) r / q)² when `logging` draws, the champion being what it is in `bandit`."""
    champion = np.array([1 - (ACTIONS - 1) * FLOOR, *[FLOOR] * (ACTIONS - 1)])
    action = draw.choice(ACTIONS, p=logging, size=400_000)
    reward = draw.random(400_000) < 0.5 + GAIN * (action == 1)
    apart = ((action == 1) - champion[action]) / logging[action] * reward
    assert np.mean(apart) == pytest.approx(GAIN * (1 - FLOOR), abs=0.02)
    return np.mean(apart**2)


def test_the_floor_that_halves_does():
    draw = np.random.default_rng(4)
    floors = FLOOR, power.halving(FLOOR)

    before, after = (
        second_moment(draw, np.array([1 - (ACTIONS - 1) * floor, *[floor] * (ACTIONS - 1)])) for floor in floors
    )

    assert before == pytest.approx(power.weighted_variance(0.5, 0.5 + GAIN, FLOOR), rel=0.05)
    assert after == pytest.approx(before / 2, rel=0.08)


def test_the_share_at_random_that_halves_does():
    draw = np.random.default_rng(5)
    log = logged(draw, 60_000, 1)

    share = log.halving_share()

    chances = np.array([1 - (ACTIONS - 1) * FLOOR, *[FLOOR] * (ACTIONS - 1)])
    after = second_moment(draw, (1 - share) * chances + share / ACTIONS)
    assert after == pytest.approx(log.spread(0) / 2, rel=0.08)
    assert log.floor(share) == pytest.approx(power.halving(FLOOR), rel=0.1)


def test_no_share_halves_what_is_even_already():
    action = np.random.default_rng(6).integers(2, size=4_000)
    log = power.PowerLog.of(np.full(4_000, 0.5), action, np.ones(4_000), np.arange(4_000), np.full(4_000, 2))

    assert log.halving_share() is None


def test_a_fixed_plan_is_the_textbooks():
    assert power.fixed_users(power.split_variance(1.0, 1.0), 0.5) == pytest.approx(
        4 * (1.959964 + 0.841621) ** 2 / 0.25
    )
    assert power.power_by(1e7, 4.0, 0.1) == pytest.approx(1)
    assert power.power_by(100.0, 4.0, 0.1) < 0.01
    assert power.sequential_users(4.0, 1e-9) == np.inf


@pytest.mark.parametrize("effect", [0.05, -0.3, 2.0])
def test_always_valid_takes_more_than_one_look_and_more_power_takes_more(effect):
    users = [power.sequential_users(4.0, effect, power=chance) for chance in (0.5, 0.8, 0.95)]

    assert users == sorted(users)
    assert users[1] > power.fixed_users(4.0, effect)


@pytest.mark.parametrize(
    ("column", "bad"),
    [("propensity", 0.0), ("propensity", np.nan), ("target", 1.5), ("reward", np.inf), ("actions", 0)],
)
def test_a_log_that_cannot_be_read_is_refused_by_column_and_round(column, bad):
    columns = {"propensity": [0.5] * 3, "target": [1.0] * 3, "reward": [1.0] * 3, "actions": [2] * 3}
    columns[column] = [columns[column][0], bad, columns[column][0]]

    with pytest.raises(ValueError, match=f"{column}: .* round 2"):
        power.PowerLog.of(user=["u", "v", "w"], **columns)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_rewards_of_0_and_1_vary_more_where_there_are_more_of_them(share):
    """From 0.05 to 0.1 the variance grows by nine tenths: by the champion's alone, two of three would see it."""
    users = power.fixed_users(power.split_variance(0.05 * 0.95, 0.1 * 0.9, share), 0.05)
    draw, runs = np.random.default_rng(1), 4000

    count = draw.binomial(round(users), share, runs)
    new, now = draw.binomial(count, 0.1) / count, draw.binomial(round(users) - count, 0.05) / (round(users) - count)
    stderr = np.sqrt(new * (1 - new) / count + now * (1 - now) / (round(users) - count))

    assert (abs(new - now) > stderr * normal_quantile(0.975)).mean() == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize(
    ("share", "now", "new"), [(0.05, 1.0, 1.0), (0.95, 1.0, 1.0), (0.1, 0.05, 0.09), (0.9, 0.05, 0.09)]
)
def test_half_of_the_variance_is_on_the_same_side_of_the_best_split(share, now, new):
    found = power.halving(share, now, new)

    assert power.split_variance(now, new, found) == pytest.approx(power.split_variance(now, new, share) / 2)
    assert abs(found - 0.5) < abs(share - 0.5)
