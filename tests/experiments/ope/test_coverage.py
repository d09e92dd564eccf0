"""The truth is within the intervals as often as they say: eight worlds, every estimator that is consistent there."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from bandit_worlds import WORLDS
from oo_experiments.ope.estimators import dm, dr, dros, ips, snips, switch_dr
from oo_experiments.ope.interval import SEQUENCE_FROM, clustered
from oo_experiments.ope.log import Log
from oo_experiments.sequential import radius

RUNS = 1_500
NAMES = [world.name for world in WORLDS]


@pytest.mark.parametrize("world", WORLDS, ids=NAMES)
def test_95_in_100_intervals_have_the_truth(world):
    """IPS, SNIPS and DR with a wrong model; those that believe a model with a right one."""
    draw = np.random.default_rng(1)

    covered = Counter()
    for _ in range(RUNS):
        misled, informed = world.log(draw, world.wrong), world.log(draw, world.mean)
        found = [of(misled) for of in (ips, snips, dr)] + [of(informed) for of in (dm, switch_dr, dros)]
        covered.update(item.estimator for item in found if _has(item.interval, world.truth))

    assert {name: count / RUNS for name, count in covered.items() if not 0.93 <= count / RUNS <= 0.97} == {}
    assert len(covered) == 6


def test_one_world_is_of_heavy_weights():
    (world,) = [item for item in WORLDS if item.name == "heavy weights"]

    assert world.log(np.random.default_rng(1), world.mean).weights.max() >= 50


def test_as_if_rounds_were_independent_the_truth_is_missed_too_often():
    (world,) = [item for item in WORLDS if item.effect]
    draw = np.random.default_rng(1)

    covered = 0
    for _ in range(500):
        log = world.log(draw, world.mean)
        value = ips(log).interval.value
        rounds = np.arange(len(log))
        covered += _has(clustered(value, log.weights * log.reward - value, rounds, len(log)), world.truth)

    assert covered / 500 < 0.9


@pytest.mark.parametrize("world", WORLDS[:3] + WORLDS[-1:], ids=[*NAMES[:3], NAMES[-1]])
def test_looking_after_every_user_the_sequence_loses_the_truth_in_5_runs_of_100_at_most(world):
    """The fixed interval, at the same looks, loses it far more often."""
    draw = np.random.default_rng(1)
    looks = np.arange(SEQUENCE_FROM, world.users + 1)
    wide = radius(1 / np.sqrt(looks), looks)

    missed = Counter()
    for _ in range(500):
        value, deviation = _after_each_user(world.log(draw, world.mean), looks)
        far = np.abs(value - world.truth)
        fixed = 1.96 / np.sqrt(looks)
        missed.update(sequence=bool((far > wide * deviation).any()), fixed=bool((far > fixed * deviation).any()))

    assert missed["sequence"] / 500 <= 0.05
    assert missed["fixed"] / 500 > 0.15


def test_the_sequence_of_an_estimate_is_the_one_that_was_looked_at():
    log = WORLDS[-1].log(np.random.default_rng(2), WORLDS[-1].mean)

    (value,), (deviation,) = _after_each_user(log, np.array([log.users]))

    found = ips(log).interval
    assert found.value == pytest.approx(value, rel=1e-9)
    assert found.sequence_upper - value == pytest.approx(radius(deviation / np.sqrt(log.users), log.users), rel=0.01)
    assert np.isinf(ips(_first(log, SEQUENCE_FROM - 1)).interval.sequence_upper)
    assert np.isfinite(ips(_first(log, SEQUENCE_FROM)).interval.sequence_upper)


def test_before_heavy_weights_have_come_the_sequence_says_nothing():
    """Until then all rounds look light, and agree about a wrong value."""
    (world,) = [item for item in WORLDS if item.name == "heavy weights"]
    draw = np.random.default_rng(1)

    missed, silent = 0, 0
    for _ in range(200):
        log = world.log(draw, world.mean)
        found = [ips(_first(log, users)).interval for users in range(SEQUENCE_FROM, world.users + 1, 30)]
        missed += any(not item.sequence_lower <= world.truth <= item.sequence_upper for item in found)
        silent += np.isinf(found[0].sequence_upper) and np.isfinite(found[-1].sequence_upper)

    assert missed / 200 <= 0.05
    assert silent >= 190


def _first(log, users):
    here = slice(np.searchsorted(log.user, users))
    arrays = (getattr(log, name)[here] for name in ("action", "propensity", "reward", "target"))
    return Log(log.user[here], users, *arrays)


def _has(interval, truth):
    return interval.lower <= truth <= interval.upper


def _after_each_user(log, looks):
    """IPS of the first users, and the deviation of what one of them adds: a ratio's, by hand."""
    sums, counts = (np.bincount(log.user, of) for of in (log.weights * log.reward, np.ones(len(log))))
    n = np.arange(1, log.users + 1)
    pairs = (sums, np.ones_like(sums)), (counts, np.ones_like(sums)), (sums, sums), (sums, counts), (counts, counts)
    mean, count, *products = [((a * b).cumsum() / n)[looks - 1] for a, b in pairs]
    value = mean / count
    square = products[0] - 2 * value * products[1] + value**2 * products[2]
    return value, np.sqrt(square) / count
