"""Differences of arms: right by their definition, honest in simulation, and silent while there are too few users."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oo_experiments.statistics.guardrail import Guardrail
from oo_experiments.statistics.mean_comparison import (
    MIN_DEGREES,
    MIN_USERS,
    MeanDifference,
    compare_means,
    mean_difference,
)
from oo_experiments.statistics.user_moments import UserMoments
from scipy import stats

ARMS = {"challenger": "b", "champion": "a"}


def test_with_a_round_each_it_is_welchs_test():
    draw = np.random.default_rng(1)
    a, b = draw.normal(1, 1, 60), draw.normal(1.2, 3, 45)

    comparison = compare_means(np.r_[a, b], np.arange(105), ["a"] * 60 + ["b"] * 45, **ARMS)

    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    assert comparison.estimate == pytest.approx(b.mean() - a.mean())
    assert (comparison.lower, comparison.upper) == pytest.approx(tuple(expected))
    assert comparison.sequence_lower < comparison.lower < comparison.upper < comparison.sequence_upper
    assert comparison.users == 105


def rounds(draw, users, effect=0.0):
    """Users of habit, the busier ones with better rounds; half of them are challengers."""
    many = draw.integers(1, 12, users)
    user = np.repeat(np.arange(users), many)
    arm = np.where(draw.random(users) < 0.5, "b", "a")
    habit = draw.normal(size=users) + 0.1 * many
    value = habit[user] + 0.5 * draw.normal(size=len(user)) + effect * (arm == "b")[user]
    return value, user, arm[user]


def totals(value, user, arm, name):
    ids = np.unique(user[arm == name], return_inverse=True)[1]
    return UserMoments.of(np.bincount(ids, value[arm == name]), np.bincount(ids))


def test_moments_say_the_same_as_rounds_of_users_alike_and_add_up():
    draw = np.random.default_rng(2)
    user = np.repeat(np.arange(400), 6)
    arm = np.where(draw.random(400) < 0.5, "b", "a")[user]
    value = draw.normal(size=400)[user] + draw.normal(size=2_400)
    early = user < 150

    whole = compare_means(value, user, arm, **ARMS)
    parts = [
        totals(value[early], user[early], arm[early], name) + totals(value[~early], user[~early], arm[~early], name)
        for name in "ba"
    ]

    for name in MeanDifference.__slots__:
        assert getattr(mean_difference(*parts), name) == pytest.approx(getattr(whole, name), rel=1e-9)


def test_of_users_unlike_only_rounds_know_how_few_users_they_are_worth():
    value, user, arm = pareto_rounds(np.random.default_rng(7), 200)

    by_rounds, by_moments = (
        compare_means(value, user, arm, **ARMS),
        mean_difference(*(totals(value, user, arm, n) for n in "ba")),
    )

    assert by_moments.estimate == pytest.approx(by_rounds.estimate, rel=1e-9)
    assert by_rounds.degrees_of_freedom < by_moments.degrees_of_freedom / 2
    assert by_rounds.upper - by_rounds.lower > by_moments.upper - by_moments.lower


def pareto_rounds(draw, users, tail=1.5):
    """Users of habit, a few of whom make most of the rounds; half of them are challengers, who are no better."""
    user = np.repeat(np.arange(users), np.floor(draw.random(users) ** (-1 / tail)).astype(int))
    arm = np.where(np.arange(users) % 2 == 0, "b", "a")
    value = 0.7 * draw.normal(size=users)[user] + 0.5 * draw.normal(size=len(user))
    return value, user, arm[user]


@pytest.mark.long
@pytest.mark.parametrize(("users", "tail"), [(200, 1.5), (1_000, 1.5), (200, 2.0), (80, 2.5)])
def test_at_one_look_95_in_100_intervals_have_the_truth_though_users_are_very_unequal(users, tail):
    draw = np.random.default_rng(8)

    found = [compare_means(*pareto_rounds(draw, users, tail), **ARMS) for _ in range(1_500)]

    known = [item for item in found if math.isfinite(item.upper)]
    assert len(known) >= 750  # else it is a world in which mostly nothing is said
    assert 0.93 <= np.mean([item.lower <= 0 <= item.upper for item in known]) <= 0.97
    assert all(item.degrees_of_freedom < MIN_DEGREES for item in found if math.isinf(item.upper))


@pytest.mark.long
def test_looked_at_repeatedly_very_unequal_users_are_no_difference_either():
    draw, missed = np.random.default_rng(9), 0

    for _ in range(200):
        value, user, arm = pareto_rounds(draw, 600)
        looks = [user < first for first in range(60, 601, 60)]
        found = [compare_means(value[now], user[now], arm[now], **ARMS) for now in looks]
        missed += any(not item.sequence_lower <= 0 <= item.sequence_upper for item in found)

    assert missed <= 10


@pytest.mark.long
def test_rounds_of_a_user_are_not_taken_for_users():
    draw = np.random.default_rng(3)

    found = [compare_means(*rounds(draw, 300, 0.2), **ARMS) for _ in range(1_000)]

    missed = sum(not item.lower <= 0.2 <= item.upper for item in found)
    estimates = np.array([item.estimate for item in found])
    assert stats.binomtest(missed, 1_000, 0.05).pvalue > 1e-4
    assert np.mean([item.stderr for item in found]) == pytest.approx(estimates.std(), rel=0.1)


def test_a_user_may_be_in_both_arms():
    draw = np.random.default_rng(4)
    user = np.repeat(np.arange(100), 20)
    habit = 3 * draw.normal(size=100)

    arms = [np.where(draw.random(2_000) < 0.5, "b", "a") for _ in range(500)]
    found = [compare_means(habit[user] + draw.normal(size=2_000), user, arm, **ARMS) for arm in arms]

    estimates = np.array([item.estimate for item in found])
    assert found[0].users == 100
    assert np.mean([item.stderr for item in found]) == pytest.approx(estimates.std(), rel=0.15)
    assert sum(not item.lower <= 0 <= item.upper for item in found) < 50


def test_other_arms_are_left_out():
    value, user, arm = rounds(np.random.default_rng(5), 300)
    more = np.r_[value, [1e9] * 40], np.r_[user, np.arange(40)], np.r_[arm, ["c"] * 40]

    assert compare_means(*more, **ARMS) == compare_means(value, user, arm, **ARMS)


@pytest.mark.parametrize("users", [1, MIN_USERS - 1, MIN_USERS])
def test_too_few_users_exclude_nothing(users):
    value = np.r_[np.arange(users) % 7 + 5.0, np.arange(200) % 3]

    comparison = compare_means(value, np.arange(users + 200), ["b"] * users + ["a"] * 200, **ARMS)

    assert math.isinf(comparison.lower) == math.isinf(comparison.sequence_upper) == (users < MIN_USERS)
    assert Guardrail("x", "lower", 1).verdict(comparison) == ("not enough data" if users < MIN_USERS else "violated")


def test_nobody_yet_is_no_error():
    nobody = UserMoments.of([], [])

    assert mean_difference(nobody, nobody).upper == math.inf


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (([1.0, 2.0], ["u", "v"], ["a", "a"]), "no round of 'b'"),
        (([1.0, 2.0], ["u", "v"], ["b", "c"]), "no round of 'a'"),
        (([1.0], ["u", "v"], ["a", "b"]), "one entry for each"),
        (([1.0, math.nan], ["u", "v"], ["a", "b"]), "value"),
    ],
)
def test_what_cannot_be_compared_is_refused(columns, said):
    with pytest.raises(ValueError, match=said):
        compare_means(*columns, **ARMS)


def test_alpha_is_a_chance():
    with pytest.raises(ValueError, match="alpha"):
        compare_means(*rounds(np.random.default_rng(6), 100), **ARMS, alpha=1.5)


@pytest.mark.parametrize(
    ("better", "low", "high", "verdict"),
    [
        ("lower", -2, 4, "holds"),
        ("lower", 6, 9, "violated"),
        ("lower", 2, 9, "not enough data"),
        ("lower", -90, -60, "holds"),
        ("higher", -4, 2, "holds"),
        ("higher", -9, -6, "violated"),
        ("higher", -9, -2, "not enough data"),
        ("higher", 60, 90, "holds"),
        ("higher", -math.inf, math.inf, "not enough data"),
    ],
)
def test_a_guardrail_holds_is_violated_or_not_known(better, low, high, verdict):
    always = MeanDifference(0, 1, -math.inf, math.inf, low, high, users=900)
    fixed = MeanDifference(0, 1, low, high, -math.inf, math.inf, users=900)
    rail = Guardrail("latency_ms", better, 5)

    assert rail.verdict(always) == verdict
    assert rail.verdict(fixed, looks="one") == verdict
    assert rail.verdict(fixed) == "not enough data"


def test_a_rate_that_never_happened_holds_by_the_rule_of_three():
    rail = Guardrail("fallback_rate", "lower", 0.01)

    def verdict(users, more):
        never = UserMoments.of(np.zeros(users), np.ones(users))
        return rail.verdict(mean_difference(never + more, never), looks="one")

    assert verdict(1_000, UserMoments.of([], [])) == "not enough data"
    assert verdict(200, UserMoments.of([1], [1])) == "not enough data"
    assert verdict(400, UserMoments.of([1], [1])) == "holds"


@pytest.mark.long
def test_guardrails_are_rarely_wrong():
    draw, rail = np.random.default_rng(7), Guardrail("latency_ms", "lower", 10)
    latency = {"a": 200, "b": 210}  # just at the margin

    verdicts = [
        rail.verdict(
            mean_difference(*(UserMoments.of(draw.gamma(4, latency[arm] / 4, 500), np.ones(500)) for arm in "ba")),
            looks="one",
        )
        for _ in range(1_000)
    ]

    assert verdicts.count("holds") < 0.05 * len(verdicts)
    assert verdicts.count("violated") < 0.05 * len(verdicts)


@pytest.mark.parametrize(("better", "margin"), [("faster", 1), ("lower", -1), ("lower", math.nan)])
def test_a_guardrail_has_a_direction_and_a_margin(better, margin):
    with pytest.raises(ValueError, match="guardrail latency"):
        Guardrail("latency", better, margin)
