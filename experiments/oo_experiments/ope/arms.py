"""What each arm of an adaptive experiment is worth, though the better an arm did, the more it was chosen.

An arm's plain mean is biased: one that began unluckily is left alone, and its bad luck stays in its mean. Weighting by
propensity mends that, but a bandit's propensities shrink as it learns, so the sum is not normal; evaluation weights
that undo the shrinking make it so. What skewness is left, for a seldom chosen arm has few rounds, Hall's transformation
takes out.

Source: Hadad, Hirshberg, Zhan, Wager and Athey (2021), Confidence intervals for policy evaluation in adaptive
experiments, PNAS 118 (15): augmented scores, adaptively weighted, by the root of the propensity (their constant
allocation rate), with the variance that goes with these weights; here summed over users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oo_experiments.ope.interval import LEVEL, clustered, unskewed
from oo_experiments.ope.log import BadLog, Bools, Floats, Ints, require
from oo_experiments.ope.weights import effective

__all__ = ["ArmMean", "arm_means"]


@dataclass(frozen=True, slots=True)
class ArmMean:
    """The mean reward of one arm, had it been chosen in every round. `rounds` chose it."""

    value: float
    stderr: float
    lower: float
    upper: float
    rounds: int
    effective_sample_size: float
    max_weight: float


def arm_means(
    chosen: Ints, propensities: Floats, reward: Floats, user: Ints, *, level: float = LEVEL
) -> tuple[ArmMean | None, ...]:
    """Augmented inverse propensity scores under variance-stabilising weights, an entry for each arm.

    Parameters
    ----------
    chosen : (rounds,)
        The arm of each round, from 0 on, in order of time.
    propensities : (rounds, arms)
        The chance of every arm when it was chosen; each may depend on all rounds before. An arm that had none in a
        round (a forced or ineligible one) learns nothing there.
    reward : (rounds,)
        Any finite number.
    user : (rounds,)
        Whose round it was, as any whole numbers. What one user adds may depend on itself in any way.

    Returns
    -------
    tuple
        None for an arm that was never possible, or never chosen.

    Raises
    ------
    BadLog
        A chance outside [0, 1], a chosen arm without one, a reward that is not finite, or no round.
    """
    _require(chosen, propensities, reward, user)
    return tuple(
        _arm(chosen == arm, propensities[:, arm], reward, user, level) if (chosen == arm).any() else None
        for arm in range(propensities.shape[1])
    )


def _require(chosen: Ints, propensities: Floats, reward: Floats, user: Ints) -> None:
    if not len(reward):
        raise BadLog("there is no round in the log")
    if not len(chosen) == len(propensities) == len(reward) == len(user):
        raise BadLog("chosen, propensities, reward and user are not of one length")
    require("chosen", chosen, (chosen >= 0) & (chosen < propensities.shape[1]), "is no arm")
    for arm, chances in enumerate(propensities.T):
        require(f"propensities[{arm}]", chances, (chances >= 0) & (chances <= 1), "is not in [0, 1]")
    own = propensities[np.arange(len(chosen)), chosen]
    require("propensities", own, own > 0, "is the chance of what was chosen")
    require("reward", reward, np.isfinite(reward), "is not a finite number")


def _arm(here: Bools, chance: Floats, reward: Floats, user: Ints, level: float) -> ArmMean:
    """Rounds in which the arm had no chance have no say."""
    able = chance > 0
    here, chance, reward = here[able], chance[able], reward[able]
    people, codes = np.unique(user[able], return_inverse=True)
    weights = here / chance
    expected = _mean_so_far(here, reward)
    scores = expected + weights * (reward - expected)
    stabilising = np.sqrt(chance)
    value = float(stabilising @ scores / stabilising.sum())
    influence = stabilising * (scores - value) / stabilising.mean()
    lower, upper = unskewed(value, influence, codes, len(people), level)
    return ArmMean(
        value=value,
        stderr=clustered(value, influence, codes, len(people), level).stderr,
        lower=lower,
        upper=upper,
        rounds=int(here.sum()),
        effective_sample_size=effective(weights),
        max_weight=float(weights.max()),
    )


def _mean_so_far(here: Bools, reward: Floats) -> Floats:
    """The arm's mean reward before each round, 0 before its first: a guess that must not know the round itself."""
    sums, counts = (np.concatenate([[0.0], of.cumsum()[:-1]]) for of in (here * reward, 1.0 * here))
    return np.asarray(sums / np.maximum(counts, 1))
