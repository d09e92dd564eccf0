"""CUPED takes the predictable part out of the noise, and nothing out of the effect."""

from __future__ import annotations

import numpy as np
import pytest
from oo_experiments.statistics.cuped import cuped_adjust
from oo_experiments.statistics.mean_comparison import compare_means
from scipy import stats

pytestmark = pytest.mark.long

EFFECT, RUNS = 0.1, 1_000


def correlated(draw, users, rho):
    before = draw.normal(size=users)
    return before, rho * before + np.sqrt(1 - rho**2) * draw.normal(size=users)


def test_half_of_the_variance_is_left_at_a_correlation_of_seven_tenths():
    before, after = correlated(np.random.default_rng(1), 20_000, 0.7)

    found = cuped_adjust(10 + 3 * after, 5 + 2 * before)

    assert found.variance_ratio == pytest.approx(0.51, abs=0.05)
    assert found.theta == pytest.approx(0.7 * 3 / 2, rel=0.05)
    assert found.value.mean() == pytest.approx((10 + 3 * after).mean())


def missed(draw, share_of_new):
    """Whether the plain and the adjusted interval missed the effect, and their standard errors."""
    before, after = correlated(draw, 600, 0.7)
    is_new = draw.random(600) < share_of_new
    treated = draw.random(600) < 0.5
    value = after + is_new + EFFECT * treated  # new users earn more, in both arms
    arms = {"challenger": True, "champion": False}
    plain = compare_means(value, np.arange(600), treated, **arms)
    ours = compare_means(value, np.arange(600), treated, covariate=np.where(is_new, np.nan, before), **arms)
    return [
        *((abs(item.estimate - EFFECT) > item.upper - item.estimate) for item in (plain, ours)),
        *(item.estimate for item in (plain, ours)),
        ours.stderr / plain.stderr,
    ]


@pytest.mark.parametrize("share_of_new", [0.0, 0.4])
def test_the_interval_is_narrower_and_covers_as_often_also_with_new_users(share_of_new):
    draw = np.random.default_rng(2)

    plain, ours, one, other, ratio = np.array([missed(draw, share_of_new) for _ in range(RUNS)]).T

    assert all(stats.binomtest(int(item.sum()), RUNS, 0.05).pvalue > 1e-4 for item in (plain, ours))
    assert abs(other.mean() - EFFECT) < 4 * other.std() / np.sqrt(RUNS)
    assert other.std() < 0.95 * one.std()
    assert ratio.mean() == pytest.approx(other.std() / one.std(), rel=0.08)


def test_ratios_of_rounds_are_adjusted_over_users():
    draw = np.random.default_rng(3)
    before, after = correlated(draw, 4_000, 0.8)
    user = np.repeat(np.arange(4_000), draw.integers(1, 9, 4_000))
    treated = draw.random(4_000) < 0.5
    value = after[user] + EFFECT * treated[user] + 0.1 * draw.normal(size=len(user))

    plain = compare_means(value, user, treated[user], challenger=True, champion=False)
    ours = compare_means(value, user, treated[user], challenger=True, champion=False, covariate=before[user])

    assert ours.stderr < 0.8 * plain.stderr
    assert abs(ours.estimate - EFFECT) < 4 * ours.stderr
    assert ours.variance_ratio == pytest.approx((ours.stderr / plain.stderr) ** 2, rel=0.05)


@pytest.mark.parametrize("covariate", [[np.nan] * 4, [3.0] * 4])
def test_a_covariate_that_says_nothing_changes_nothing(covariate):
    found = cuped_adjust([1.0, 2.0, 3.0, 4.0], covariate)

    assert (found.value.tolist(), found.theta, found.variance_ratio) == ([1.0, 2.0, 3.0, 4.0], 0.0, 1.0)


def test_a_covariate_is_one_for_each_value():
    with pytest.raises(ValueError, match="one for each value"):
        cuped_adjust([1.0, 2.0], [1.0])
