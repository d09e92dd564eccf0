"""This module has six estimators of what a target policy would have earned, each a function of one log.

Every one is a ratio of two means over rounds, so one linearisation gives all their intervals: the influence of a round
is (numerator - value * denominator) / mean denominator. DM, switch-DR and DRos are biased by as much as the model errs
where they do not correct it; their intervals cover noise alone, and `bias` estimates what is missing from them.

Sources: IPS and DR, Dudík, Langford and Li (2011); SNIPS, Swaminathan and Joachims (2015); switch-DR, Wang, Agarwal and
Dudík (2017); DRos, Su, Dimakopoulou, Krishnamurthy and Dudík (2020).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from oo_experiments.ope.log import BanditLog, Floats
from oo_experiments.ope.ratio import RatioEstimate
from oo_experiments.ope.weights import are_settled, effective_sample_size
from oo_experiments.statistics.interval import CONFIDENCE_LEVEL, Interval, clustered_interval

__all__ = [
    "DROS_LAMBDA",
    "MAX_BIAS",
    "SWITCH_TAU",
    "PolicyEstimate",
    "UndefinedEstimate",
    "dm",
    "dr",
    "dros",
    "ips",
    "snips",
    "switch_dr",
]

SWITCH_TAU = 10.0  # switch-DR believes the model alone where a weight is above it
DROS_LAMBDA = 100.0  # DRos: a weight of its root, 10, counts half
MAX_BIAS = 0.4  # standard errors: with that much bias, an interval of 95 % has the truth in 93 of 100


class UndefinedEstimate(ValueError):
    """The log has no such value; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class PolicyEstimate:
    """The value of a target policy for a round, and how much of the log supports it.

    `interval` is of the value, `lift` of its difference to what was earned, on the same rounds. `clipped_mass` is the
    share of the weights' sum that the estimator does not use. `bias` is the error that this makes, estimated without
    bias as DR does; it is None where all of the weight is used.
    """

    estimator: str
    interval: Interval
    lift: Interval
    effective_sample_size: float
    max_weight: float
    clipped_mass: float
    bias: Interval | None = None

    @property
    def caution(self) -> str | None:
        """The reason why the interval may miss the truth, or None.

        There is one where the bias may be large beside the standard error.
        """
        if self.bias is None or max(-self.bias.lower, self.bias.upper) <= MAX_BIAS * self.interval.stderr:
            return None
        bias = f"{self.bias.value:+.3g} ({self.bias.lower:.3g} to {self.bias.upper:.3g})"
        much = f"perhaps more than {MAX_BIAS:g} of its standard error, {self.interval.stderr:.3g}"
        unused = f"{self.clipped_mass:.0%} of the weight is not used, so the model is believed there"
        return f"{unused}: by DR, its bias is {bias}, {much}, and its interval is of noise alone"

    def plain(self) -> dict[str, Any]:
        """Return the estimate as one flat object, with lift and bias as objects in it."""
        parts = asdict(self)
        return {"estimator": parts.pop("estimator"), **parts.pop("interval"), **parts}


def ips(log: BanditLog, *, level: float = CONFIDENCE_LEVEL) -> PolicyEstimate:
    """Return the inverse propensity score, the mean of w r. It is unbiased; its variance grows with the weights.

    Source: Horvitz and Thompson (1952); for policies, Dudík, Langford and Li (2011).
    """
    weights = log.weights
    return _estimate("ips", log, weights * log.reward, weights, level)


def snips(log: BanditLog, *, level: float = CONFIDENCE_LEVEL) -> PolicyEstimate:
    """Return the self-normalised estimate, the sum of w r over the sum of w.

    It is never outside the rewards' range, consistent, and a little biased. Source: Swaminathan and Joachims (2015).

    Raises:
        UndefinedEstimate: the target never does what was logged.
    """
    weights = log.weights
    if not weights.any():
        raise UndefinedEstimate("the target gives no logged action any probability, so there is nothing to divide by")
    return _estimate("snips", log, weights * log.reward, weights, level, denominator=weights)


def dm(log: BanditLog, *, level: float = CONFIDENCE_LEVEL) -> PolicyEstimate:
    """Return the direct method, the mean of the model's value of the target.

    It is as wrong as the model, and its interval does not show that.

    Raises:
        UndefinedEstimate: the log has no predictions or no distribution, as all estimators but IPS and SNIPS need.
    """
    return _modelled("dm", log, np.zeros(len(log)), level)


def dr(log: BanditLog, *, level: float = CONFIDENCE_LEVEL) -> PolicyEstimate:
    """Return the doubly robust estimate: the model's value, corrected by w (r - q) of the logged action.

    It is unbiased whatever the model. Source: Dudík, Langford and Li (2011).

    Raises:
        UndefinedEstimate: the log has no predictions or no distribution.
    """
    return _modelled("dr", log, log.weights, level)


def switch_dr(log: BanditLog, *, tau: float = SWITCH_TAU, level: float = CONFIDENCE_LEVEL) -> PolicyEstimate:
    """Return switch-DR: DR, but uncorrected where a weight is above `tau`, so that the model alone counts there.

    Source: Wang, Agarwal and Dudík (2017).

    Raises:
        UndefinedEstimate: the log has no predictions or no distribution.
    """
    return _modelled("switch_dr", log, np.where(log.weights <= tau, log.weights, 0.0), level)


def dros(log: BanditLog, *, lambda_: float = DROS_LAMBDA, level: float = CONFIDENCE_LEVEL) -> PolicyEstimate:
    """Return DR with optimistic shrinkage: the weight becomes lambda w / (w² + lambda); 0 is DM, infinity is DR.

    Source: Su, Dimakopoulou, Krishnamurthy and Dudík (2020).

    Raises:
        UndefinedEstimate: the log has no predictions or no distribution.
    """
    weights = log.weights
    with np.errstate(over="ignore"):
        shrunk = weights / (weights * (weights / lambda_) + 1) if lambda_ else np.zeros(len(log))
    return _modelled("dros", log, shrunk, level)


def _modelled(name: str, log: BanditLog, used: Floats, level: float) -> PolicyEstimate:
    if log.predicted is None:
        raise UndefinedEstimate("there are no predictions")
    if log.distribution is None:
        raise UndefinedEstimate("the target's probabilities of the other actions are not known")
    model_value = np.einsum("ij,ij->i", log.distribution, log.predicted)
    error = log.reward - log.at_logged(log.predicted)
    estimate = _estimate(name, log, model_value + used * error, used, level)
    unused = used - log.weights
    if not unused.any():
        return estimate
    lost = RatioEstimate.of(log, unused * error)
    return replace(
        estimate,
        bias=clustered_interval(lost.value, lost.influence, log.user, log.users, level, leverage=lost.leverage),
    )


def _estimate(
    name: str, log: BanditLog, numerator: Floats, used: Floats, level: float, *, denominator: Floats | None = None
) -> PolicyEstimate:
    """Return the estimate of a ratio; `used` are the weights in its numerator."""
    ratio = RatioEstimate.of(log, numerator, denominator)
    if not np.isfinite(ratio.value):
        raise UndefinedEstimate("the sum of rewards is too large for a number")
    earned = RatioEstimate.of(log, log.reward)
    weights = log.weights
    total = float(weights.sum())
    over_users = partial(clustered_interval, user=log.user, users=log.users, level=level, sequence=are_settled(log))
    return PolicyEstimate(
        estimator=name,
        interval=over_users(ratio.value, ratio.influence, leverage=ratio.leverage),
        lift=over_users(
            ratio.value - earned.value,
            ratio.influence - earned.influence,
            leverage=np.maximum(ratio.leverage, earned.leverage),
        ),
        effective_sample_size=effective_sample_size(weights),
        max_weight=float(weights.max()),
        clipped_mass=1 - float(used.sum()) / total if total else 0.0,
    )
