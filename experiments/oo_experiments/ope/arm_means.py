"""This module estimates the mean of each arm in an experiment that chose an arm the more, the better it did.

An arm's plain mean is biased: one that began unluckily is left alone, and its bad luck stays in its mean. Weighting by
propensity mends that, but a bandit's propensities shrink as it learns, so the sum is not normal; evaluation weights
that undo the shrinking make it so. What skewness is left, for a seldom chosen arm has few rounds, its interval over
users takes out.

Source: Hadad, Hirshberg, Zhan, Wager and Athey (2021), Confidence intervals for policy evaluation in adaptive
experiments, PNAS 118 (15): augmented scores, adaptively weighted, by the root of the propensity (their constant
allocation rate), with the variance that goes with these weights; here summed over users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oo_experiments.ope.log import BadLog, Bools, Floats, Ints, require_rows
from oo_experiments.ope.weights import effective_sample_size
from oo_experiments.statistics.interval import CONFIDENCE_LEVEL, clustered_interval

__all__ = ["ArmMean", "arm_means"]


@dataclass(frozen=True, slots=True)
class ArmMean:
    """The mean reward of one arm, had it been chosen in every round; `rounds` is how many rounds chose it."""

    value: float
    stderr: float
    lower: float
    upper: float
    rounds: int
    effective_sample_size: float
    max_weight: float


def arm_means(
    chosen: Ints, propensities: Floats, reward: Floats, user: Ints, *, level: float = CONFIDENCE_LEVEL
) -> tuple[ArmMean | None, ...]:
    """Return the mean of each arm, by augmented inverse propensity scores under variance-stabilising weights.

    Parameters
    ----------
    chosen : (rounds,)
        The arm of each round, from 0 on, in order of time.
    propensities : (rounds, arms)
        The propensity of every arm in that round; each may depend on all rounds before. A round in which an arm had a
        propensity of 0 (an ineligible arm, or a forced choice) says nothing about it.
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
        A propensity is outside [0, 1], a chosen arm has none, a reward is not finite, or there is no round.
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
    require_rows("chosen", chosen, (chosen >= 0) & (chosen < propensities.shape[1]), "is no arm")
    for arm, column in enumerate(propensities.T):
        require_rows(f"propensities[{arm}]", column, (column >= 0) & (column <= 1), "is not in [0, 1]")
    own = propensities[np.arange(len(chosen)), chosen]
    require_rows("propensities", own, own > 0, "is the propensity of what was chosen")
    require_rows("reward", reward, np.isfinite(reward), "is not a finite number")


def _arm(is_arm: Bools, propensity: Floats, reward: Floats, user: Ints, level: float) -> ArmMean:
    """Return the estimate of one arm, without the rounds in which it had a propensity of 0."""
    possible = propensity > 0
    is_arm, propensity, reward = is_arm[possible], propensity[possible], reward[possible]
    people, codes = np.unique(user[possible], return_inverse=True)
    weights = is_arm / propensity
    expected = _mean_so_far(is_arm, reward)
    scores = expected + weights * (reward - expected)
    stabilising = np.sqrt(propensity)
    value = float(stabilising @ scores / stabilising.sum())
    influence = stabilising * (scores - value) / stabilising.mean()
    leverage = np.bincount(codes, stabilising) / stabilising.sum()
    over_users = clustered_interval(value, influence, codes, len(people), level, leverage=leverage)
    return ArmMean(
        value=value,
        stderr=over_users.stderr,
        lower=over_users.lower,
        upper=over_users.upper,
        rounds=int(is_arm.sum()),
        effective_sample_size=effective_sample_size(weights),
        max_weight=float(weights.max()),
    )


def _mean_so_far(is_arm: Bools, reward: Floats) -> Floats:
    """Return the arm's mean reward before each round, 0 before its first.

    It is a guess of the reward that must not know the round itself.
    """
    sums, counts = (np.concatenate([[0.0], terms.cumsum()[:-1]]) for terms in (is_arm * reward, 1.0 * is_arm))
    return np.asarray(sums / np.maximum(counts, 1))
