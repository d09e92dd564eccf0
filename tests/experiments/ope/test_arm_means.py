"""A bandit that learns makes its losers look worse than they are; the estimates are right all the same."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from oo_experiments.ope.arm_means import arm_means
from oo_experiments.ope.log import BadLog
from oo_experiments.statistics.interval import clustered_interval

pytestmark = pytest.mark.long

TRUTH = np.array([0.25, 0.3, 0.4])
RUNS, ROUNDS, BATCH, FLOOR = 1_500, 2_000, 20, 0.03


def _chances_of_being_best(wins, losses):
    """(runs, arms): Thompson's odds of Beta beliefs by quadrature, with an additive floor."""
    x = (np.arange(256) + 0.5) / 256
    density = (wins[..., None] - 1) * np.log(x) + (losses[..., None] - 1) * np.log1p(-x)
    density = np.exp(density - density.max(axis=2, keepdims=True))
    density /= density.sum(axis=2, keepdims=True)
    below = (density.cumsum(axis=2) - density / 2).clip(1e-300)
    best = (density * below.prod(axis=1, keepdims=True) / below).sum(axis=2)
    return FLOOR + (1 - FLOOR * len(TRUTH)) * best / best.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def months():
    """(chosen, propensities, reward), each by runs: Thompson sampling, whose beliefs take in 20 rounds at a time."""
    draw = np.random.default_rng(1)
    wins, losses = np.ones((RUNS, 3)), np.ones((RUNS, 3))
    chosen, reward = np.empty((RUNS, ROUNDS), dtype=np.int64), np.empty((RUNS, ROUNDS))
    propensities = np.empty((RUNS, ROUNDS, 3))
    for start in range(0, ROUNDS, BATCH):
        now = slice(start, start + BATCH)
        chances = _chances_of_being_best(wins, losses)
        below = chances.cumsum(axis=1)[:, None] < draw.random((RUNS, BATCH, 1)) * (1 - 1e-12)
        chosen[:, now], propensities[:, now] = below.sum(axis=2), chances[:, None]
        reward[:, now] = draw.random((RUNS, BATCH)) < TRUTH[chosen[:, now]]
        picked = chosen[:, now, None] == np.arange(3)
        wins += (picked * reward[:, now, None]).sum(axis=1)
        losses += (picked * (1 - reward[:, now, None])).sum(axis=1)
    return chosen, propensities, reward


def test_a_losers_plain_mean_is_more_than_3_standard_errors_too_low(months):
    chosen, _, reward = months

    plain = np.array([[r[c == arm].mean() for arm in range(3)] for c, r in zip(chosen, reward, strict=True)])

    error = plain[:500] - TRUTH
    assert (error.mean(axis=0) / (error.std(axis=0) / np.sqrt(500))).min() < -3


def test_95_in_100_intervals_have_each_arms_truth(months):
    found = [arm_means(*run, np.arange(ROUNDS)) for run in zip(*months, strict=True)]

    covered = np.mean([[one.lower <= at <= one.upper for one, at in zip(run, TRUTH, strict=True)] for run in found], 0)
    assert (covered >= 0.93).all(), covered
    assert (covered <= 0.97).all(), covered


def test_the_formula_round_by_round():
    draw = np.random.default_rng(3)
    chances = draw.dirichlet([2, 2, 2], 200)
    chosen = np.array([draw.choice(3, p=row) for row in chances])
    reward = draw.normal(size=200)

    found = arm_means(chosen, chances, reward, np.arange(200))

    for arm, one in enumerate(found):
        scores, weights, seen = [], [], []
        for place in range(200):
            guess = sum(seen) / len(seen) if seen else 0.0
            here = int(chosen[place] == arm)
            scores.append(guess + here / chances[place, arm] * (reward[place] - guess))
            weights.append(chances[place, arm] ** 0.5)
            seen += [reward[place]] * here
        value = sum(h * s for h, s in zip(weights, scores, strict=True)) / sum(weights)
        leverages = [h / sum(weights) for h in weights]
        terms = zip(leverages, scores, strict=True)
        square = sum((h * (s - value)) ** 2 / (1 - h) for h, s in terms)
        assert (one.value, one.stderr) == pytest.approx((value, square**0.5), rel=1e-9)
        assert one.rounds == len(seen)
        assert one.lower < one.value < one.upper


def test_rounds_without_a_chance_have_no_say():
    draw = np.random.default_rng(4)
    chances = np.full((90, 3), 1 / 3)
    chosen, reward, user = draw.integers(3, size=90), draw.random(90), np.arange(90) % 30
    forced = np.tile([1.0, 0.0, 0.0], (10, 1))

    more = arm_means(
        np.concatenate([chosen, np.zeros(10, int)]),
        np.concatenate([chances, forced]),
        np.concatenate([reward, np.ones(10)]),
        np.concatenate([user, np.arange(10)]),
    )

    assert astuple(more[1]) == pytest.approx(astuple(arm_means(chosen, chances, reward, user)[1]), rel=1e-12)


def test_an_arm_that_was_never_chosen_has_no_value():
    found = arm_means(np.zeros(5, int), np.tile([0.5, 0.5], (5, 1)), np.ones(5), np.arange(5))

    assert found[0].rounds == 5
    assert found[1] is None


def test_users_are_what_intervals_count():
    draw = np.random.default_rng(5)
    chosen, reward = np.repeat(draw.integers(2, size=20), 2), np.repeat(draw.random(20), 2)

    once = arm_means(chosen, np.full((40, 2), 0.5), reward, np.arange(40))[0]
    loyal = arm_means(chosen, np.full((40, 2), 0.5), reward, np.arange(40) // 2)[0]

    assert (once.value, once.rounds) == (loyal.value, loyal.rounds)
    assert loyal.stderr == pytest.approx(once.stderr * np.sqrt(2), rel=0.1)


@pytest.mark.parametrize(
    ("chosen", "chances", "reward", "text"),
    [
        ([0, 2], [[0.5, 0.5]] * 2, [1, 1], "column chosen, row 2: 2 is no arm"),
        ([0, 1], [[0.5, 0.5], [1.0, 0.0]], [1, 1], "column propensities, row 2: 0.0"),
        ([0, 1], [[0.5, 0.5], [0.5, 1.5]], [1, 1], r"column propensities\[1\], row 2: 1.5"),
        ([0, 1], [[0.5, 0.5]] * 2, [1, np.nan], "column reward, row 2: nan"),
        ([0, 1], [[0.5, 0.5]] * 2, [1], "not of one length"),
        ([], np.ones((0, 2)), [], "no round"),
    ],
)
def test_bad_input_is_named(chosen, chances, reward, text):
    with pytest.raises(BadLog, match=text):
        arm_means(np.array(chosen, int), np.array(chances), np.array(reward, float), np.arange(len(chosen)))


def test_a_skewed_sums_interval_reaches_further_to_the_side_of_its_tail():
    draw = np.random.default_rng(6)

    covered = {"symmetric": 0, "clustered": 0}
    for _ in range(2_000):
        sample = draw.lognormal(0, 1, 40)
        interval = clustered_interval(sample.mean(), sample - sample.mean(), np.arange(40), 40)
        half = 2.0227 * interval.stderr  # Student's t with 39 degrees of freedom
        covered["symmetric"] += interval.value - half <= np.exp(0.5) <= interval.value + half
        covered["clustered"] += interval.lower <= np.exp(0.5) <= interval.upper
        assert interval.upper >= interval.value + half

    assert covered["clustered"] > covered["symmetric"] + 60


def test_without_skew_the_interval_is_symmetric():
    interval = clustered_interval(3.0, np.tile([1.0, -1.0], 20), np.arange(40), 40)

    assert interval.upper - 3 == pytest.approx(3 - interval.lower, rel=1e-9)
