"""Six estimators of what a target policy would have earned, each a function of one log.

Every one is a ratio of two means over rounds, so one linearisation gives all their intervals: the influence of a round
is (numerator - value * denominator) / mean denominator.

Sources: IPS and DR, Dudík, Langford and Li (2011); SNIPS, Swaminathan and Joachims (2015); switch-DR, Wang, Agarwal and
Dudík (2017); DRos, Su, Dimakopoulou, Krishnamurthy and Dudík (2020).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from oo_experiments.ope.interval import LEVEL, Interval, clustered
from oo_experiments.ope.log import Floats, Log
from oo_experiments.ope.weights import are_settled, effective

__all__ = ["LAMBDA", "TAU", "Estimate", "Undefined", "dm", "dr", "dros", "ips", "snips", "switch_dr"]

TAU = 10.0  # switch-DR believes the model alone where a weight is above it
LAMBDA = 100.0  # DRos: a weight of its root, 10, counts half


class Undefined(ValueError):
    """This log has no such value; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a target policy is worth a round, and how much of the log stands behind it.

    `interval` is of the value, `lift` of its difference to what was earned, on the same rounds. `clipped_mass` is the
    share of the weights' sum that the estimator does not use.
    """

    estimator: str
    interval: Interval
    lift: Interval
    effective_sample_size: float
    max_weight: float
    clipped_mass: float

    def plain(self) -> dict[str, Any]:
        """As one flat object, the lift within."""
        parts = asdict(self)
        return {"estimator": parts.pop("estimator"), **parts.pop("interval"), **parts}


def ips(log: Log, *, level: float = LEVEL) -> Estimate:
    """Inverse propensity score: mean of w r. Unbiased; its variance grows with the weights."""
    weights = log.weights
    return _estimate("ips", log, weights * log.reward, weights, level)


def snips(log: Log, *, level: float = LEVEL) -> Estimate:
    """Self-normalised: sum of w r over sum of w. Never outside the rewards' range; consistent, a little biased.

    Raises:
        Undefined: the target never does what was logged.
    """
    weights = log.weights
    if not weights.any():
        raise Undefined("the target gives no logged action a chance, so there is nothing to divide by")
    return _estimate("snips", log, weights * log.reward, weights, level, denominator=weights)


def dm(log: Log, *, level: float = LEVEL) -> Estimate:
    """Direct method: mean of the model's value of the target. As wrong as the model, and its interval does not say so.

    Raises:
        Undefined: no predictions or no distribution in the log; of all four estimators that need them.
    """
    return _modelled("dm", log, np.zeros(len(log)), level)


def dr(log: Log, *, level: float = LEVEL) -> Estimate:
    """Doubly robust: the model's value, corrected by w (r - q) of the logged action. Unbiased whatever the model."""
    return _modelled("dr", log, log.weights, level)


def switch_dr(log: Log, *, tau: float = TAU, level: float = LEVEL) -> Estimate:
    """DR, but uncorrected where a weight is above `tau`: there the model is believed."""
    return _modelled("switch_dr", log, np.where(log.weights <= tau, log.weights, 0.0), level)


def dros(log: Log, *, lambda_: float = LAMBDA, level: float = LEVEL) -> Estimate:
    """DR with optimistic shrinkage: the weight becomes lambda w / (w² + lambda); 0 is DM, infinity is DR."""
    weights = log.weights
    with np.errstate(over="ignore"):
        shrunk = weights / (weights * (weights / lambda_) + 1) if lambda_ else np.zeros(len(log))
    return _modelled("dros", log, shrunk, level)


def _modelled(name: str, log: Log, used: Floats, level: float) -> Estimate:
    if log.predicted is None:
        raise Undefined("there are no predictions")
    if log.distribution is None:
        raise Undefined("the target's chances of the other actions are not known")
    believed = np.einsum("ij,ij->i", log.distribution, log.predicted)
    return _estimate(name, log, believed + used * (log.reward - log.at_logged(log.predicted)), used, level)


def _estimate(
    name: str, log: Log, numerator: Floats, used: Floats, level: float, *, denominator: Floats | None = None
) -> Estimate:
    """`used` are the weights that went into the numerator."""
    below = np.ones(len(log)) if denominator is None else denominator
    with np.errstate(over="ignore", invalid="ignore"):
        value = float(numerator.sum() / below.sum())
    if not np.isfinite(value):
        raise Undefined("the sum of rewards is too large for a number")
    influence = (numerator - value * below) / below.mean()
    earned = float(log.reward.mean())
    weights = log.weights
    total = float(weights.sum())
    over_users = partial(clustered, user=log.user, users=log.users, level=level, sequence=are_settled(log))
    return Estimate(
        estimator=name,
        interval=over_users(value, influence),
        lift=over_users(value - earned, influence - (log.reward - earned)),
        effective_sample_size=effective(weights),
        max_weight=float(weights.max()),
        clipped_mass=1 - float(used.sum()) / total if total else 0.0,
    )
