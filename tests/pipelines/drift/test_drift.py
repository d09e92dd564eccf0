"""Drift: clean days are quiet although users repeat themselves, and one changed unit is the only alarm."""

from __future__ import annotations

import numpy as np
import pytest
from oo_pipelines.drift.feature_drift import DriftSample, compare, psi
from scipy import stats

pytestmark = pytest.mark.long

FEATURES = 12
NAMES = tuple(f"profile.f{place}" for place in range(FEATURES))
INTEGERS = range(6, FEATURES)  # the later half are small integers
SECONDS = 3  # the feature whose unit changes
USERS = 400


def window(draw, users, rounds):
    """Rounds of users who each have a level of their own for every feature: a user's rounds look alike."""
    level = np.random.default_rng(99).normal(size=(USERS, FEATURES))[users]
    who = draw.choice(len(users), size=rounds)
    values = level[who] + 0.3 * draw.normal(size=(rounds, FEATURES))
    values[:, list(INTEGERS)] = np.round(values[:, list(INTEGERS)])
    values[:, SECONDS] = np.exp(values[:, SECONDS])
    return DriftSample(values, draw.random((rounds, FEATURES)) < 0.03, users[who])


def day(seed):
    """A reference of four weeks and one day, of whoever came by."""
    draw = np.random.default_rng(seed)
    everyone = np.arange(USERS)
    return window(draw, everyone, 4_000), window(draw, draw.choice(everyone, 80, replace=False), 1_500)


def alarmed(report):
    return {(item.feature, alarm) for item in report.features for alarm in item.alarms}


def test_clean_days_raise_no_alarm():
    """200 of them; a test over all rounds, as if they were independent, cries wolf on most."""
    alarms = naive = 0
    for seed in range(200):
        before, now = day(seed)
        alarms += bool(alarmed(compare(before, now, NAMES, alpha=0.01, seed=seed)))
        if seed < 40:
            naive += naive_finds_something(before, now)

    assert alarms <= 0.05 * 200
    assert naive >= 0.8 * 40


def naive_finds_something(before, now):
    found = [stats.ks_2samp(before.values[:, at], now.values[:, at], method="asymp").pvalue for at in range(FEATURES)]
    return min(found) * FEATURES < 0.01


@pytest.mark.parametrize("factor", [1_000, 0.001, 60])
def test_a_changed_unit_is_the_only_alarm(factor):
    only = 0
    for seed in range(100):
        before, now = day(seed)
        now.values[:, SECONDS] *= factor
        only += alarmed(compare(before, now, NAMES, alpha=0.01, seed=seed)) == {(NAMES[SECONDS], "distribution")}

    assert only >= 95


def test_more_fallbacks_are_an_alarm_of_their_own():
    before, now = day(1)
    now.fell_back[:, 7] |= np.random.default_rng(2).random(len(now.user)) < 0.4

    report = compare(before, now, NAMES, alpha=0.01, seed=1)

    assert alarmed(report) == {(NAMES[7], "fallback rate")}
    assert report.verdict == "drift"
    assert report.features[0].feature == NAMES[7]  # the worst first
    assert report.features[0].fallback_before == pytest.approx(0.03, abs=0.01)


def test_a_small_effect_is_no_alarm_however_sure_it_is():
    """With many users every difference is significant; one that matters is another question."""
    draw = np.random.default_rng(5)
    users = np.arange(50_000)
    before = DriftSample(draw.normal(size=(50_000, 1)), np.zeros((50_000, 1), bool), users)
    now = DriftSample(0.05 + draw.normal(size=(50_000, 1)), np.zeros((50_000, 1), bool), users)

    (found,) = compare(before, now, ("f",), alpha=0.01, seed=1).features

    assert found.q < 1e-4
    assert found.alarms == ()


def test_a_constant_that_became_another_is_drift():
    users = np.arange(100)
    before = DriftSample(np.full((100, 1), 5.0), np.zeros((100, 1), bool), users)
    for other in (3.0, 7.0):
        now = DriftSample(np.full((100, 1), other), np.zeros((100, 1), bool), users)
        assert compare(before, now, ("f",), alpha=0.01, seed=1).features[0].alarms == ("distribution",)


def test_few_users_say_nothing_however_many_rounds():
    draw = np.random.default_rng(3)
    before, now = window(draw, np.arange(40), 5_000), window(draw, np.arange(40), 5_000)

    report = compare(before, now, NAMES, alpha=0.01, seed=1)

    assert (report.verdict, report.features) == ("not enough data", ())


def test_what_differs_by_construction_is_left_out_but_its_fallbacks():
    before, now = day(1)
    now.values[:, 0] += 100
    now.fell_back[:, 0] = True

    found = next(
        item
        for item in compare(before, now, NAMES, alpha=0.01, seed=1, left_out=(NAMES[0],)).features
        if item.feature == NAMES[0]
    )

    assert (found.test, found.q, found.alarms) == ("left out", None, ("fallback rate",))


def test_the_same_seed_says_the_same():
    before, now = day(4)

    assert compare(before, now, NAMES, alpha=0.01, seed=7) == compare(before, now, NAMES, alpha=0.01, seed=7)


def test_psi_by_hand():
    """Two levels, half and half against 1 to 3: (0.25 - 0.5) ln(0.25/0.5) + (0.75 - 0.5) ln(0.75/0.5)."""
    many = 100_000
    before = np.repeat([0.0, 1.0], many // 2)
    now = np.repeat([0.0, 1.0], [many // 4, 3 * many // 4])

    assert psi(before, now) == pytest.approx(0.25 * np.log(2) + 0.25 * np.log(1.5), abs=1e-3)
    assert psi(before, before) == 0
