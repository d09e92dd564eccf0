"""The simulator: the same seed is the same run, its truth is the truth, and exploring well pays."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from oo_experiments.policies.beliefs import Beliefs
from oo_experiments.policies.policy import EpsilonGreedy, Uniform
from oo_experiments.policies.policy_registry import build_policy
from oo_experiments.simulation.simulator import learned_values, regret_curve, simulate
from oo_experiments.simulation.synthetic_bandits import WORLDS, BanditWorld, arms_only, linear
from scipy import stats

pytestmark = pytest.mark.long

SEEDS, ROUNDS = 10, 3000


def factory(kind, **parameters):
    return partial(build_policy, kind, parameters)


def runs(kind, world, rounds=ROUNDS, **parameters):
    return [simulate(factory(kind, **parameters), world, rounds, seed) for seed in range(SEEDS)]


def regrets(kind, world, rounds, **parameters):
    return np.array([run.regret.sum() for run in runs(kind, world, rounds, **parameters)])


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("kind", ["thompson", "squarecb"])
def test_a_seed_is_a_run_bit_for_bit(kind, name):
    one, again, other = (simulate(factory(kind), WORLDS[name](), 300, seed) for seed in (4, 4, 5))

    for part in ("situations", "chosen", "propensities", "values", "rewards", "regret"):
        assert getattr(one, part).tobytes() == getattr(again, part).tobytes()
    assert one.beliefs.to_bytes() == again.beliefs.to_bytes() != other.beliefs.to_bytes()
    assert one.chosen.tobytes() != other.chosen.tobytes()


@pytest.mark.parametrize("name", WORLDS)
def test_a_run_is_what_its_world_allows(name):
    world = WORLDS[name]()

    run = simulate(factory("squarecb", gamma=50), world, 2000, 1)

    at = np.arange(2000)
    assert world.eligible[run.situations, run.chosen].all()
    assert (run.propensity > 0).all()
    assert np.allclose(run.propensities.sum(axis=1), 1)
    assert (run.regret >= 0).all()
    assert (run.optimal == (world.means[run.situations, run.chosen] == world.best[run.situations])).all()
    assert set(run.rewards) <= {world.low, world.high}
    assert sum(rounds for rounds, _ in run.beliefs.arms.values()) == 2000
    assert sum(total for _, total in run.beliefs.arms.values()) == run.rewards.sum() * 1_000_000
    assert run.propensities[at, run.chosen].tolist() == run.propensity.tolist()


@pytest.mark.parametrize("name", WORLDS)
def test_a_policys_true_value_is_what_it_earns(name):
    """A fixed policy's mean reward over many rounds lies within four standard errors of its value."""
    world = WORLDS[name]()
    values = np.asarray(world.means + np.random.default_rng(2).normal(0, 0.2, world.means.shape))
    policy = build_policy("softmax", {"temperature": 0.2})

    run = simulate(lambda _: policy, world, 20_000, 9, model=lambda *_: values)

    error = run.rewards.std() / np.sqrt(20_000)
    assert abs(run.rewards.mean() - world.value(policy, values)) < 4 * error


def test_values_of_simple_policies_are_simple_sums():
    world = arms_only((0.2, 0.4, 0.9))

    assert world.value(Uniform(), world.means) == pytest.approx(0.5)
    assert world.value(EpsilonGreedy(0.3), world.means) == pytest.approx(0.7 * 0.9 + 0.3 * 0.5)


def test_rewards_may_be_below_zero():
    world = arms_only((-0.3, 0.5), low=-0.5, high=1.0)

    run = simulate(factory("thompson", low=-0.5, high=1), world, 3000, 0)

    assert set(run.rewards) == {-0.5, 1.0}
    assert run.optimal.mean() > 0.9


def test_none_is_an_arm_that_can_win():
    tips = arms_only((0.2, 0.5, 0.3))
    world = BanditWorld(("v1", "none", "v2"), tips.contexts, tips.means, tips.eligible)

    run = simulate(factory("thompson"), world, 3000, 3)

    assert (run.chosen[2000:] == 1).mean() > 0.9
    assert run.beliefs.arms["none"][0] == (run.chosen == 1).sum()


def test_the_model_learns_the_world_where_it_is_linear():
    world = linear()

    run = simulate(factory("uniform"), world, 20_000, 0, refresh=1000)

    assert np.abs(learned_values(run.beliefs, world) - world.means).max() < 0.05
    assert learned_values(Beliefs(), world).tolist() == np.zeros_like(world.means).tolist()


@pytest.mark.parametrize(
    ("kind", "world", "rounds", "parameters"),
    [
        pytest.param("thompson", arms_only(), 8000, {}, id="thompson"),
        pytest.param("linucb", linear(), 3000, {}, id="linucb"),
        pytest.param("lints", linear(), 3000, {"scale": 0.3, "draws": 100}, id="lints"),
        pytest.param("squarecb", linear(), 3000, {"gamma": 500}, id="squarecb"),
    ],
)
def test_exploring_well_costs_less_than_epsilon_greedy(kind, world, rounds, parameters):
    """On the same situations with the same luck: by far on average, and for most seeds."""
    ours, theirs = regrets(kind, world, rounds, **parameters), regrets("epsilon_greedy", world, rounds, epsilon=0.1)

    assert ours.mean() < 0.8 * theirs.mean()
    assert (ours < theirs).mean() > 0.8


def test_thompsons_regret_flattens_and_uniforms_does_not():
    curve, straight = (regret_curve(kind, runs(kind, arms_only()), points=5) for kind in ("thompson", "uniform"))

    assert curve.mean[-1] - curve.mean[-2] < (curve.mean[1] - curve.mean[0]) / 3
    assert straight.mean[-1] - straight.mean[-2] == pytest.approx(straight.mean[1] - straight.mean[0], rel=0.1)
    assert straight.mean[-1] == pytest.approx(ROUNDS * (0.5 - np.mean((0.25, 0.3, 0.35, 0.4, 0.5))), rel=0.05)


def test_a_curves_band_is_students_interval_of_the_mean():
    found = runs("uniform", arms_only())

    curve = regret_curve("uniform", found, points=3)

    ends = np.array([run.regret.sum() for run in found])
    half = stats.t.ppf(0.975, SEEDS - 1) * ends.std(ddof=1) / np.sqrt(SEEDS)
    assert (curve.rounds[0], curve.rounds[-1]) == (1, ROUNDS)
    assert curve.mean[-1] == pytest.approx(ends.mean())
    assert (curve.low[-1], curve.high[-1]) == pytest.approx((ends.mean() - half, ends.mean() + half))


@pytest.mark.parametrize(
    ("means", "eligible", "problem"),
    [
        ([[0.1, 1.2]], [[True, True]], "a mean is not from 0.0 to 1.0"),
        ([[0.1, 0.2]], [[False, False]], "no candidate that may be chosen"),
    ],
)
def test_a_world_that_cannot_be_is_refused(means, eligible, problem):
    with pytest.raises(ValueError, match=problem):
        BanditWorld(("a", "b"), np.zeros((1, 2, 0)), np.array(means), np.array(eligible))


def test_no_runs_are_no_curve():
    with pytest.raises(ValueError, match="at least one run"):
        regret_curve("uniform", [])
