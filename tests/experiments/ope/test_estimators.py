"""Each estimator against its formula, written out round by round in plain Python."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest
from oo_experiments.ope.estimators import (
    DROS_LAMBDA,
    SWITCH_TAU,
    UndefinedEstimate,
    dm,
    dr,
    dros,
    ips,
    snips,
    switch_dr,
)
from oo_experiments.ope.log import BadLog, BanditLog
from oo_experiments.ope.weights import effective_sample_size
from oo_experiments.statistics.interval import clustered_interval
from scipy import stats

TIGHT = 1e-9


def random_log(seed, rounds=300, users=40, actions=6):
    """Lists of 1 to `actions` actions, weights up to some hundreds, rewards of any sign."""
    draw = np.random.default_rng(seed)
    able = np.arange(actions) < draw.integers(1, actions + 1, rounds)[:, None]
    logging, target = (_chances(draw, able) for _ in range(2))
    action = np.array([draw.choice(actions, p=row) for row in logging])
    at = np.arange(rounds), action
    return BanditLog(
        user=np.unique(draw.integers(users, size=rounds), return_inverse=True)[1],
        users=users,
        action=action,
        propensity=logging[at],
        reward=draw.normal(-1, 3, rounds),
        target=target[at],
        distribution=target,
        predicted=np.where(able, draw.normal(0, 2, able.shape), 0.0),
    )


def _chances(draw, able):
    odds = np.where(able, np.exp(draw.normal(0, 2, able.shape)), 0.0)
    return odds / odds.sum(axis=1, keepdims=True)


def rounds_of(log):
    """(w, r, q of the logged action, the model's value of the target) of each round."""
    for place in range(len(log)):
        chances, model = log.distribution[place], log.predicted[place]
        value = sum(float(p) * float(q) for p, q in zip(chances, model, strict=True))
        weight = float(log.target[place]) / float(log.propensity[place])
        yield weight, float(log.reward[place]), float(model[log.action[place]]), value


ORACLES = {
    ips: lambda rows: fmean(w * r for w, r, _, _ in rows),
    snips: lambda rows: sum(w * r for w, r, _, _ in rows) / sum(w for w, *_ in rows),
    dm: lambda rows: fmean(v for *_, v in rows),
    dr: lambda rows: fmean(v + w * (r - q) for w, r, q, v in rows),
    switch_dr: lambda rows: fmean(v + (w if w <= SWITCH_TAU else 0) * (r - q) for w, r, q, v in rows),
    dros: lambda rows: fmean(v + DROS_LAMBDA * w / (w * w + DROS_LAMBDA) * (r - q) for w, r, q, v in rows),
}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("estimator", ORACLES, ids=lambda item: item.__name__)
def test_equal_to_the_formula(estimator, seed):
    log = random_log(seed)
    rows = list(rounds_of(log))

    found = estimator(log)

    assert found.estimator == estimator.__name__
    assert found.interval.value == pytest.approx(ORACLES[estimator](rows), rel=TIGHT, abs=TIGHT)
    assert found.lift.value == pytest.approx(ORACLES[estimator](rows) - fmean(r for _, r, _, _ in rows), rel=TIGHT)
    weights = [w for w, *_ in rows]
    assert found.max_weight == pytest.approx(max(weights), rel=TIGHT)
    assert found.effective_sample_size == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights), rel=TIGHT)


@pytest.mark.parametrize("tau", [0.0, 1.5, math.inf])
def test_switching_is_between_the_model_and_dr(tau):
    log = random_log(1)
    rows = list(rounds_of(log))

    found = switch_dr(log, tau=tau)

    wanted = fmean(v + (w if w <= tau else 0) * (r - q) for w, r, q, v in rows)
    assert found.interval.value == pytest.approx(wanted, rel=TIGHT)
    clipped = sum(w for w, *_ in rows if w > tau) / sum(w for w, *_ in rows)
    assert found.clipped_mass == pytest.approx(clipped, abs=TIGHT)


def test_shrinkage_of_zero_is_the_model_and_of_infinity_is_dr():
    log = random_log(2)

    ends = dros(log, lambda_=0).interval.value, dros(log, lambda_=math.inf).interval.value

    assert ends == pytest.approx((dm(log).interval.value, dr(log).interval.value), rel=TIGHT)


@pytest.mark.parametrize("estimator", [ips, snips, dr], ids=lambda item: item.__name__)
def test_the_standard_error_is_the_jackknifes_over_users(estimator):
    """Leaving out one user at a time knows no influence values; with 200 users the two are close."""
    log = random_log(3, rounds=2_000, users=200)

    left_out = np.array([estimator(_without(log, user)).interval.value for user in range(log.users)])

    found = estimator(log).interval
    jackknife = math.sqrt((log.users - 1) / log.users * ((left_out - left_out.mean()) ** 2).sum())
    assert found.stderr == pytest.approx(jackknife, rel=0.03)
    assert found.lower < found.value < found.upper


def _without(log, user):
    keep = log.user != user
    arrays = {
        name: getattr(log, name)[keep] for name in BanditLog.__dataclass_fields__ if name not in {"users", "user"}
    }
    return BanditLog(user=np.unique(log.user[keep], return_inverse=True)[1], users=log.users - 1, **arrays)


def test_one_round_each_is_the_textbooks_standard_error():
    values = np.random.default_rng(4).normal(size=50)
    values = np.concatenate([values, -values])

    interval = clustered_interval(values.mean(), values - values.mean(), np.arange(100), 100)

    assert interval.stderr == pytest.approx(stats.sem(values), rel=TIGHT)
    assert interval.degrees_of_freedom == pytest.approx(99, rel=TIGHT)
    half = stats.t.ppf(0.975, 99) * interval.stderr
    assert (interval.value - interval.lower, interval.upper - interval.value) == pytest.approx((half, half), rel=0.01)


def test_one_user_says_nothing():
    interval = clustered_interval(1.0, np.array([0.5, -0.5]), np.array([0, 0]), 1)

    assert (interval.lower, interval.upper, interval.sequence_lower) == (-math.inf, math.inf, -math.inf)


def test_evaluating_what_acted_is_the_mean_reward():
    log = random_log(5)
    acted = BanditLog(log.user, log.users, log.action, log.propensity, log.reward, target=log.propensity)

    for found in (ips(acted), snips(acted)):
        assert found.interval.value == pytest.approx(log.reward.mean(), rel=TIGHT)
        assert (found.lift.lower, found.lift.upper) == pytest.approx((0, 0), abs=TIGHT)
        assert found.bias is None


@pytest.mark.parametrize("estimator", [dm, switch_dr, dros], ids=lambda item: item.__name__)
def test_the_bias_of_an_estimator_is_how_far_it_is_from_dr(estimator):
    log = random_log(8, rounds=2_000, users=200)

    found = estimator(log)

    assert found.bias.value == pytest.approx(found.interval.value - dr(log).interval.value, rel=TIGHT)
    assert found.bias.lower < found.bias.value < found.bias.upper
    assert "so the model is believed there: by DR, its bias is" in found.caution
    assert found.plain()["bias"]["upper"] == found.bias.upper


def test_where_all_the_weight_is_used_there_is_no_bias():
    log = random_log(9)

    for found in (ips(log), snips(log), dr(log), switch_dr(log, tau=math.inf)):
        assert (found.bias, found.caution) == (None, None)


def test_without_predictions_or_weights_there_is_no_value():
    log = random_log(6)
    bare = BanditLog(log.user, log.users, log.action, log.propensity, log.reward, log.target)
    elsewhere = BanditLog(log.user, log.users, log.action, log.propensity, log.reward, np.zeros(len(log)))

    for estimator in (dm, dr, switch_dr, dros):
        with pytest.raises(UndefinedEstimate):
            estimator(bare)
    with pytest.raises(UndefinedEstimate, match="nothing to divide by"):
        snips(elsewhere)
    assert (ips(elsewhere).interval.value, effective_sample_size(elsewhere.weights)) == (0, 0)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("propensity", 0.0),
        ("propensity", 1.01),
        ("propensity", math.nan),
        ("propensity", 5e-324),
        ("target", -0.1),
        ("target", 1.1),
        ("target", 0.123),
        ("reward", math.inf),
        ("action", 9),
        ("action", -1),
        ("predicted", math.nan),
        ("distribution", 0.9),
    ],
)
def test_a_bad_cell_is_named(column, value):
    good = random_log(7)
    arrays = {name: getattr(good, name) for name in BanditLog.__dataclass_fields__ if name != "users"}
    arrays[column] = arrays[column].copy()
    arrays[column][41] = value

    with pytest.raises(BadLog, match=f"column {column}, row 42:"):
        BanditLog(users=good.users, **arrays)


def test_arrays_of_other_lengths_gaps_among_users_and_no_rounds_are_refused():
    one = np.ones(1)
    none = np.array([])

    with pytest.raises(BadLog, match="target has 2 entries for 1 rounds"):
        BanditLog(np.array([0]), 1, np.array([0]), one, one, np.ones(2))
    with pytest.raises(BadLog, match="every number from 0 to 1"):
        BanditLog(np.array([0]), 2, np.array([0]), one, one, one)
    with pytest.raises(BadLog, match="no round"):
        BanditLog(none.astype(int), 0, none.astype(int), none, none, none)
