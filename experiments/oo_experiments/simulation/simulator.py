"""This module runs a policy in a world of known truth, where it acts, learns beliefs as in service, and pays regret.

The same seed gives the same run, bit for bit, and every policy meets the same situations with the same luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import FIXED_POINT_UNIT, MICRO, Beliefs, Contribution, quantise
from oo_experiments.policies.linear import ridge_regression
from oo_experiments.policies.policy import Policy, PolicyDecision, decide
from oo_experiments.simulation.synthetic_bandits import BanditWorld
from oo_experiments.statistics.quantiles import t_quantile

__all__ = ["RegretCurve", "SimulationRun", "learned_values", "regret_curve", "simulate"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Factory = Callable[[Beliefs], Policy]
Model = Callable[[Beliefs, BanditWorld], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class SimulationRun:
    """The rounds of one run; `propensities` and the model's `values` have the shape (rounds, candidates).

    `regret` is how much the chosen candidate's true mean lies below the best one's; `optimal` is where it does not.
    """

    situations: Index
    chosen: Index
    propensities: Floats
    values: Floats
    rewards: Floats
    regret: Floats
    beliefs: Beliefs

    @property
    def optimal(self) -> NDArray[np.bool_]:
        """Whether each round chose a best candidate, shape (rounds,)."""
        return np.asarray(self.regret == 0)

    @property
    def propensity(self) -> Floats:
        """The propensity of the chosen candidate, shape (rounds,)."""
        return np.asarray(self.propensities[np.arange(len(self.chosen)), self.chosen])


def learned_values(beliefs: Beliefs, world: BanditWorld) -> Floats:
    """Return the values of a model that knows what the beliefs know, shape (situations, candidates).

    With contexts it is a ridge regression, without them each arm's mean.
    """
    if world.contexts.shape[2]:
        x = quantise(world.contexts.reshape(-1, world.contexts.shape[2])) / FIXED_POINT_UNIT
        return ridge_regression(beliefs.linear, x.shape[1], 1.0).means(x).reshape(world.means.shape)
    sums = [beliefs.arms.get(arm, (0, 0)) for arm in world.arms]
    return np.array([[total / MICRO / max(rounds, 1) for rounds, total in sums]])


def simulate(
    factory: Factory, world: BanditWorld, rounds: int, seed: int, *, refresh: int = 20, model: Model = learned_values
) -> SimulationRun:
    """Return a run of that many rounds; beliefs and model learn from what was earned after each `refresh` of them.

    `factory` builds the policy from beliefs; `model` gives values of the shape (situations, candidates).
    """
    generator = np.random.default_rng(seed)
    situations = generator.integers(len(world), size=rounds)
    # Every candidate's reward is drawn before the policy acts, so that all policies meet the same luck.
    earned = world.rewards(situations, generator.random((rounds, len(world.arms))))
    beliefs, decisions, values = Beliefs(), list[PolicyDecision](), list[Floats]()
    for start in range(0, rounds, refresh):
        policy, predicted = factory(beliefs), model(beliefs, world)[situations[start : start + refresh]]
        contributions = []
        for number, row in enumerate(predicted.tolist(), start):
            actions = world.choice(int(situations[number]), row)
            decisions.append(decide(policy, actions, key=f"{seed}-{number}"))
            contributions.append(_contribution(actions, decisions[-1], earned[number]))
        values.append(predicted)
        beliefs = beliefs.add(*contributions)
    chosen = np.array([item.index for item in decisions])
    regret = world.best[situations] - world.means[situations, chosen]
    propensities = np.array([item.propensities for item in decisions])
    return SimulationRun(
        situations, chosen, propensities, np.concatenate(values), earned[np.arange(rounds), chosen], regret, beliefs
    )


def _contribution(actions: ActionSet, decision: PolicyDecision, rewards: Floats) -> Contribution:
    chosen = decision.index or 0  # a world has no situation without a choice
    return Contribution(
        actions.arms[chosen], float(rewards[chosen]), tuple(actions.contexts[chosen]) if actions.contexts else None
    )


@dataclass(frozen=True, slots=True)
class RegretCurve:
    """The regret summed up to each of `rounds`: its mean over seeds, and a 95 % interval of that mean."""

    policy: str
    rounds: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def regret_curve(policy: str, runs: Sequence[SimulationRun], points: int = 100) -> RegretCurve:
    """Return the curve of runs of equal length and different seeds; the interval of a single run is infinite.

    Raises:
        ValueError: there are no runs.
    """
    if not runs:
        raise ValueError("a curve needs at least one run")
    total = np.array([run.regret.cumsum() for run in runs])
    points_at = np.unique(np.linspace(0, total.shape[1] - 1, points).astype(np.int64))
    mean = total[:, points_at].mean(axis=0)
    if len(runs) > 1:
        half = t_quantile(0.975, len(runs) - 1) * total[:, points_at].std(axis=0, ddof=1) / math.sqrt(len(runs))
    else:
        half = np.full_like(mean, math.inf)
    bands = (mean.tolist(), (mean - half).tolist(), (mean + half).tolist())
    return RegretCurve(policy, tuple((points_at + 1).tolist()), *map(tuple, bands))
