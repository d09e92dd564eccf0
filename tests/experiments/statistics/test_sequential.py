"""Who looks a thousand times finds with a fixed interval what is not there, and with an always-valid one does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oo_experiments.statistics.mean_comparison import mean_difference
from oo_experiments.statistics.quantiles import normal_quantile
from oo_experiments.statistics.sequential import radius, rho
from oo_experiments.statistics.user_moments import UserMoments

RUNS, LOOKS, EACH = 2_000, 1_000, 20  # users between two looks
STEPS = LOOKS + 5  # the first look is at 120 users


def looked(draw, runs):
    """Champion and challenger alike, rewards 0 and 1: each look's difference, standard error and number of users."""
    seen = EACH / 2 * np.arange(1, STEPS + 1)
    one, other = (draw.binomial(EACH // 2, 0.3, (runs, STEPS)).cumsum(axis=1) / seen for _ in range(2))
    stderr = np.sqrt((one * (1 - one) + other * (1 - other)) / (seen - 1))
    return (one - other)[:, -LOOKS:], stderr[:, -LOOKS:], 2 * seen[-LOOKS:]


def test_peeking():
    draw = np.random.default_rng(1)
    ever = {"always-valid": 0, "fixed": 0}

    for _ in range(RUNS // 500):
        apart, stderr, users = looked(draw, 500)
        ever["always-valid"] += int((abs(apart) > radius(stderr, users)).any(axis=1).sum())
        ever["fixed"] += int((abs(apart) > stderr * normal_quantile(0.975)).any(axis=1).sum())

    assert ever["always-valid"] <= 0.05 * RUNS
    assert ever["fixed"] > 0.20 * RUNS


def test_what_peeking_measured_is_what_a_comparison_says():
    apart, stderr, users = looked(np.random.default_rng(2), 1)
    half = users[-1] / 2
    draw = np.random.default_rng(2)
    sums = [draw.binomial(EACH // 2, 0.3, (1, STEPS)).sum() for _ in range(2)]

    found = mean_difference(*(UserMoments(half, total, half, total, total, half) for total in sums))

    assert found.estimate == pytest.approx(apart[0, -1])
    assert found.stderr == pytest.approx(stderr[0, -1])
    assert found.sequence_upper - found.estimate == pytest.approx(radius(stderr[0, -1], users[-1]))
    assert found.upper - found.estimate == pytest.approx(stderr[0, -1] * normal_quantile(0.975), rel=1e-3)


def test_users_who_come_back_daily_are_looked_at_daily():
    draw, runs, users, days = np.random.default_rng(3), 1_000, 200, 60
    treated = np.arange(users) % 2 == 0
    habit = draw.normal(size=(runs, users))
    mean = habit + draw.normal(size=(days, runs, users)).cumsum(axis=0) / np.arange(1, days + 1)[:, None, None]
    arms = mean[..., treated], mean[..., ~treated]

    apart = arms[0].mean(axis=-1) - arms[1].mean(axis=-1)
    stderr = np.sqrt(sum(arm.var(axis=-1, ddof=1) / arm.shape[-1] for arm in arms))

    assert (abs(apart) > radius(stderr, np.float64(users), tuning=500)).any(axis=0).mean() <= 0.05


def test_the_radius_is_the_papers():
    alpha, tuning, users, sd = 0.05, 5_000, 800.0, 3.0
    scale = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuning)
    t = users * scale**2

    expected = sd * math.sqrt(2 * (t + 1) / (users**2 * scale**2) * math.log(math.sqrt(t + 1) / alpha))

    assert rho(alpha, tuning) == pytest.approx(scale)
    assert radius(sd / math.sqrt(users), users, alpha, tuning) == pytest.approx(expected)


def test_it_is_tightest_beside_a_fixed_interval_where_it_was_tuned_to():
    users = np.geomspace(10, 1e6, 400)

    wide = radius(np.ones(400), users, tuning=2_000)

    assert users[wide.argmin()] == pytest.approx(2_000, rel=0.05)
    assert wide.min() / normal_quantile(0.975) < 1.6


@pytest.mark.parametrize(("alpha", "tuning", "said"), [(0, 5_000, "alpha"), (1, 5_000, "alpha"), (0.05, 0, "tuning")])
def test_no_chance_and_no_users_are_refused(alpha, tuning, said):
    with pytest.raises(ValueError, match=said):
        rho(alpha, tuning)
