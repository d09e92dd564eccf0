"""Small-cluster corrections against their definitions, by dense matrices of all rounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oo_experiments.statistics.clusters import Clusters, satterthwaite
from oo_experiments.statistics.interval import clustered_interval
from scipy import linalg, stats

TIGHT = 1e-9


def ratio(seed, sizes):
    """Numerators and divisors of rounds, of users of these sizes with effects of their own, and their value."""
    draw = np.random.default_rng(seed)
    user = np.repeat(np.arange(len(sizes)), sizes)
    divisor = draw.lognormal(0, 0.5, len(user))
    reward = draw.normal(size=len(user)) + draw.normal(size=len(sizes))[user]
    return user, divisor, divisor * reward


def clusters(user, divisor, numerator):
    value = numerator.sum() / divisor.sum()
    influence = (numerator - value * divisor) / divisor.mean()
    return Clusters(influence, user, int(user.max()) + 1, np.bincount(user, divisor) / divisor.sum())


@pytest.mark.parametrize("sizes", [[1, 2, 3, 40], [5] * 6, [1] * 30, [2, 90, 3, 3, 1, 7, 20]], ids=str)
def test_the_standard_error_is_that_of_cr2_by_matrices(sizes):
    """The regression of N / D on a constant with weights D, as least squares of roots: Bell and McCaffrey's."""
    user, divisor, numerator = ratio(1, sizes)
    design = np.sqrt(divisor)[:, None]
    hat = design @ linalg.pinv(design)
    residual = (np.eye(len(user)) - hat) @ (numerator / np.sqrt(divisor))
    meat = 0.0
    for one in range(len(sizes)):
        own = user == one
        change = linalg.inv(linalg.sqrtm(np.eye(own.sum()) - hat[np.ix_(own, own)])).real
        meat += float((design[own].T @ change @ residual[own]).item()) ** 2

    assert clusters(user, divisor, numerator).stderr == pytest.approx(math.sqrt(meat) / divisor.sum(), rel=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_degrees_of_freedom_are_satterthwaites_by_matrices(seed):
    draw = np.random.default_rng(seed)
    covariance, leverage = draw.lognormal(0, 1, 12), draw.dirichlet(np.ones(12))
    away = np.eye(12) - leverage[:, None] @ np.ones((1, 12))
    residuals = away @ np.diag(covariance) @ away.T
    product = np.diag(1 / (1 - leverage)) @ residuals

    expected = np.trace(product) ** 2 / np.trace(product @ product)

    assert satterthwaite(covariance, leverage) == pytest.approx(expected, rel=TIGHT)


@pytest.mark.parametrize(("users", "each"), [(2, 1), (30, 1), (30, 7), (400, 3)])
def test_users_alike_have_one_degree_less_than_they_are(users, each):
    user, divisor, numerator = ratio(2, [each] * users)

    found = clusters(user, np.ones_like(divisor), numerator)

    assert found.degrees_of_freedom == pytest.approx(users - 1, rel=TIGHT)


def test_one_user_with_most_of_the_rounds_leaves_few_degrees_of_freedom():
    user, divisor, numerator = ratio(3, [2_000] + [5] * 199)

    assert clusters(user, np.ones_like(divisor), numerator).degrees_of_freedom < 3


def test_squares_of_normal_residuals_tell_of_as_many_degrees_as_there_are_users_and_heavy_tails_of_fewer():
    draw = np.random.default_rng(4)
    normal, heavy = draw.normal(size=2_000), draw.standard_t(3, size=2_000)

    degrees = [
        Clusters(each - each.mean(), np.arange(2_000), 2_000).tail_degrees_of_freedom for each in (normal, heavy)
    ]

    assert degrees[0] == pytest.approx(2_000, rel=0.15)
    assert degrees[1] < 500


@pytest.mark.parametrize(("skew", "far"), [(0.05, 2.0), (0.3, 2.1), (-0.4, 3.0)])
def test_bounds_solve_halls_cubic(skew, far):
    """The influences are those of a mean over alike users, so both skews of the cubic are the same."""
    sums = stats.skewnorm.rvs(9 * np.sign(skew), size=60, random_state=1) ** (3 if abs(skew) > 0.1 else 1)
    over = Clusters(sums - sums.mean(), np.arange(60), 60)
    centred = sums - sums.mean()
    a = float((centred**3).sum()) / float(centred @ centred) ** 1.5

    below, above = over.bounds(far)

    ends = [t + a * t * t / 3 + a * a * t**3 / 27 + a / 6 for t in (below, -above)]
    assert ends == pytest.approx([far, -far], rel=TIGHT)


def test_influences_near_the_largest_number_do_not_overflow():
    small = np.tile([1.0, -1.0, 2.0, -2.0], 20)
    over = [Clusters(scale * small, np.arange(80), 80) for scale in (1.0, 1e290)]

    assert over[1].stderr == pytest.approx(1e290 * over[0].stderr, rel=TIGHT)
    assert over[1].tail_degrees_of_freedom == pytest.approx(over[0].tail_degrees_of_freedom, rel=TIGHT)


def test_where_one_user_is_all_there_is_nothing_is_known():
    alone = clustered_interval(1.0, np.array([0.5, -0.5]), np.array([0, 0]), 1)
    heavy = clustered_interval(1.0, np.array([0.5, -0.5]), np.array([0, 1]), 2, leverage=np.array([1.0, 0.0]))

    for found in (alone, heavy):
        assert (found.lower, found.upper, found.degrees_of_freedom) == (-math.inf, math.inf, 0)


def test_without_noise_the_interval_is_a_point_and_the_sequence_says_nothing():
    interval = clustered_interval(1.0, np.zeros(90), np.arange(90) % 45, 45)

    assert (interval.lower, interval.upper) == (1, 1)
    assert interval.sequence_upper == math.inf
