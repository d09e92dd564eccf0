"""Sample ratio mismatch: alarms where users were lost, and is quiet where they were not, by weights or propensities."""

from __future__ import annotations

import numpy as np
import pytest
from oo_experiments.statistics.srm import by_propensities, by_weights
from scipy import stats


@pytest.mark.parametrize(
    ("counts", "weights"),
    [([480, 520], [0.5, 0.5]), ([100, 220, 310], [0.2, 0.3, 0.5]), ([10, 12, 30, 8], [1, 1, 3, 1])],
)
def test_weights_are_judged_as_by_pearson(counts, weights):
    share = np.array(weights) / np.sum(weights)

    found = by_weights(counts, weights)

    expected = stats.chisquare(counts, share * np.sum(counts))
    assert found.chi2 == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)


# With n users, half of them for each arm, and a share f of one arm lost, z is about f √n / 2. Two percent of all users,
# or of one arm's with four times as many, are z = 6.3. Two percent of one arm's at n = 100,000 are z = 3.2, which no
# test at p < 0.001 finds in more than about half of the cases.
@pytest.mark.parametrize(("users", "lost"), [(100_000, 0.04), (400_000, 0.02)])
def test_two_percent_lost_are_found(users, lost):
    draw = np.random.default_rng(11)
    champions = draw.binomial(users, 0.5, 1_000)
    challengers = draw.binomial(users - champions, 1 - lost)

    alarms = [by_weights(pair, [0.5, 0.5]).alarm for pair in zip(champions, challengers, strict=True)]

    assert np.mean(alarms) >= 0.99


def test_false_alarms_are_as_rare_as_one_in_a_thousand():
    users, draw = 100_000, np.random.default_rng(12)
    critical = next(count for count in range(50_000, users) if by_weights([count, users - count], [0.5, 0.5]).alarm)

    alarms = [by_weights([count, users - count], [0.5, 0.5]).alarm for count in draw.binomial(users, 0.5, 10_000)]

    assert 2 * stats.binom.sf(critical - 1, users, 0.5) <= 0.001
    assert sum(alarms) <= stats.binom.ppf(0.99999, 10_000, 0.001)


def test_too_few_to_judge_is_no_alarm():
    few, many = by_weights([0, 15], [0.5, 0.5]), by_weights([0, 16], [0.5, 0.5])

    assert few.p < 0.001
    assert (few.enough, few.alarm) == (False, False)
    assert (many.enough, many.alarm) == (True, True)


def test_what_had_no_chance_must_not_happen():
    assert by_weights([50, 50, 1], [0.5, 0.5, 0.0]).alarm
    assert not by_weights([50, 50, 0], [0.5, 0.5, 0.0]).alarm
    assert by_propensities([0, 1], [[1.0, 0.0], [1.0, 0.0]]).alarm
    assert by_propensities([0, 0], [[1.0, 0.0], [1.0, 0.0]]).p == 1


def adaptive(draw, rounds, runs):
    """Two-armed bandits whose chances follow what was chosen and earned: (runs, rounds) chosen, chance of arm 1."""
    score = np.zeros(runs)
    chosen, chance = np.empty((runs, rounds), int), np.empty((runs, rounds))
    for at in range(rounds):
        chance[:, at] = 0.05 + 0.9 / (1 + np.exp(-np.clip(score / 3, -30, 30)))
        chosen[:, at] = draw.random(runs) < chance[:, at]
        earned = draw.random(runs) < 0.3 + 0.1 * chosen[:, at]
        score += np.where(chosen[:, at], 1, -1) * (earned - 0.3)
    return chosen, chance


def test_bandits_are_judged_by_what_they_logged():
    chosen, chance = adaptive(np.random.default_rng(13), 1_000, 2_000)

    p = np.array(
        [by_propensities(one, np.stack([1 - of, of], axis=1)).p for one, of in zip(chosen, chance, strict=True)]
    )
    by_ratio = [by_weights(np.bincount(one, minlength=2), [0.5, 0.5]).alarm for one in chosen]

    assert stats.binomtest(int((p < 0.05).sum()), len(p), 0.05).pvalue > 1e-4
    assert stats.binomtest(int((p < 0.001).sum()), len(p), 0.001).pvalue > 1e-4
    assert np.mean(by_ratio) > 0.5


def test_rounds_that_bandits_lose_are_found():
    draw = np.random.default_rng(14)
    chances = draw.dirichlet([2.0, 3.0, 5.0], 20_000)
    chosen = (draw.random((20_000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    kept = (chosen != 2) | (draw.random(20_000) > 0.1)

    whole, lossy = by_propensities(chosen, chances), by_propensities(chosen[kept], chances[kept])

    assert whole.degrees == 2
    assert not whole.alarm
    assert lossy.alarm


def test_equal_propensities_are_weights():
    chosen = np.repeat([0, 1, 2], [30, 50, 40])

    found = by_propensities(chosen, np.tile([0.3, 0.3, 0.4], (120, 1)))

    assert found.chi2 == pytest.approx(by_weights([30, 50, 40], [0.3, 0.3, 0.4]).chi2)


def test_rounds_of_one_draw_count_once():
    draw = np.random.default_rng(15)
    arm = draw.integers(2, size=300)
    user = np.repeat(np.arange(300), 5 + 20 * arm)  # the better arm's users come back more often
    chances = np.full((len(user), 2), 0.5)

    each_round, each_user = by_propensities(arm[user], chances), by_propensities(arm[user], chances, user)

    assert each_round.alarm
    assert not each_user.alarm
    assert sum(each_user.observed) == 300


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        (lambda: by_weights([1, 2], [1.0]), "one number for each"),
        (lambda: by_weights([1, 2], [0.0, 0.0]), "above zero"),
        (lambda: by_weights([1, 2], [0.5, float("nan")]), "not negative"),
        (lambda: by_weights([1, -2], [0.5, 0.5]), "not negative"),
        (lambda: by_propensities([0, 1], [[0.5, 0.5]]), "one row for each"),
        (lambda: by_propensities([2], [[0.5, 0.5]]), "from 0 to 1"),
        (lambda: by_propensities([0], [[0.5, 0.4]]), "adds up to 1"),
        (lambda: by_propensities([0], [[0.5, 0.5]], ["u", "v"]), "one for each chosen"),
        (lambda: by_propensities([0, 1], [[0.5, 0.5]] * 2, ["u-1", "u-1"]), "u-1 chose two"),
    ],
)
def test_what_cannot_be_judged_is_refused(judge, said):
    with pytest.raises(ValueError, match=said):
        judge()
