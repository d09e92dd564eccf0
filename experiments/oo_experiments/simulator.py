"""A policy in a world of known truth: it acts, learns by the beliefs that it would have in service, and pays regret.

The same seed gives the same run, bit for bit, and every policy meets the same situations with the same luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oo_experiments.beliefs import MICRO, UNIT, Beliefs, Contribution, quantised
from oo_experiments.choice import Choice
from oo_experiments.linear import ridge_regression
from oo_experiments.policy import Decision, Policy, decide
from oo_experiments.quantiles import t_quantile
from oo_experiments.world import World

__all__ = ["Curve", "Run", "learned_values", "regret_curve", "simulate"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Factory = Callable[[Beliefs], Policy]
Model = Callable[[Beliefs, World], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One entry for each round; `propensities` and the model's `values` have the shape (rounds, candidates).

    `regret` is how much the chosen candidate's true mean lies below the best one's; `optimal` where it does not.
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
        return np.asarray(self.regret == 0)

    @property
    def propensity(self) -> Floats:
        """That of the chosen candidate."""
        return np.asarray(self.propensities[np.arange(len(self.chosen)), self.chosen])


def learned_values(beliefs: Beliefs, world: World) -> Floats:
    """A model that has learned what the beliefs say: a ridge regression on contexts, or each arm's mean without."""
    if world.contexts.shape[2]:
        x = quantised(world.contexts.reshape(-1, world.contexts.shape[2])) / UNIT
        return ridge_regression(beliefs.linear, x.shape[1], 1.0).means(x).reshape(world.means.shape)
    sums = [beliefs.arms.get(arm, (0, 0)) for arm in world.arms]
    return np.array([[total / MICRO / max(rounds, 1) for rounds, total in sums]])


def simulate(
    factory: Factory, world: World, rounds: int, seed: int, *, refresh: int = 20, model: Model = learned_values
) -> Run:
    """Act for so many rounds; beliefs and model take in what was earned after each `refresh` of them.

    `factory` builds the policy from beliefs, `model` values candidates, shape (situations, candidates).
    """
    luck = np.random.default_rng(seed)
    situations = luck.integers(len(world), size=rounds)
    earned = world.rewards(situations, luck.random((rounds, len(world.arms))))
    beliefs, taken, values = Beliefs(), list[Decision](), list[Floats]()
    for start in range(0, rounds, refresh):
        policy, judged = factory(beliefs), model(beliefs, world)[situations[start : start + refresh]]
        taught = []
        for number, seen in enumerate(judged.tolist(), start):
            choice = world.choice(int(situations[number]), seen)
            taken.append(decide(policy, choice, key=f"{seed}-{number}"))
            taught.append(_contribution(choice, taken[-1], earned[number]))
        values.append(judged)
        beliefs = beliefs.add(*taught)
    chosen = np.array([item.index for item in taken])
    regret = world.best[situations] - world.means[situations, chosen]
    propensities = np.array([item.propensities for item in taken])
    return Run(
        situations, chosen, propensities, np.concatenate(values), earned[np.arange(rounds), chosen], regret, beliefs
    )


def _contribution(of: Choice, taken: Decision, earned: Floats) -> Contribution:
    chosen = taken.index or 0  # a world has no situation without a choice
    return Contribution(of.arms[chosen], float(earned[chosen]), tuple(of.contexts[chosen]) if of.contexts else None)


@dataclass(frozen=True, slots=True)
class Curve:
    """Regret summed up to each of `rounds`: the mean over seeds, and a 95 % interval of that mean."""

    policy: str
    rounds: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def regret_curve(policy: str, runs: Sequence[Run], points: int = 100) -> Curve:
    """Of runs of equal length and different seeds; one alone has an endless interval.

    Raises:
        ValueError: there are no runs.
    """
    if not runs:
        raise ValueError("a curve needs at least one run")
    total = np.array([run.regret.cumsum() for run in runs])
    at = np.unique(np.linspace(0, total.shape[1] - 1, points).astype(np.int64))
    mean = total[:, at].mean(axis=0)
    if len(runs) > 1:
        half = t_quantile(0.975, len(runs) - 1) * total[:, at].std(axis=0, ddof=1) / math.sqrt(len(runs))
    else:
        half = np.full_like(mean, math.inf)
    bands = (mean.tolist(), (mean - half).tolist(), (mean + half).tolist())
    return Curve(policy, tuple((at + 1).tolist()), *map(tuple, bands))
