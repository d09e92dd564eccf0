"""What the importance weights alone say: how many rounds they are worth, and whether the log has what is asked for."""

from __future__ import annotations

from oo_experiments.ope.interval import Interval, clustered
from oo_experiments.ope.log import Floats, Log

__all__ = ["MIN_EFFECTIVE", "are_settled", "effective", "mean_weight"]

MIN_EFFECTIVE = 50.0  # rounds: below, the mean weight itself is only known to 14 %
SURE = 0.999  # that weights miss their mean, so that one sound log in a thousand is refused


def effective(weights: Floats) -> float:
    """Kish's effective sample size, (sum w)² / sum w², in rounds.

    >>> import numpy as np
    >>> effective(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    largest = float(weights.max(initial=0))
    if not largest:
        return 0.0
    scaled = weights / largest
    return float(scaled.sum() ** 2 / (scaled @ scaled))


def mean_weight(log: Log) -> Interval:
    """1 where propensities are right and the log does all that the target does; less by what it never does."""
    weights = log.weights
    mean = float(weights.mean())
    return clustered(mean, weights - mean, log.user, log.users, SURE)


def are_settled(log: Log) -> bool:
    """Whether normal theory holds: before the first heavy weights have come, nothing else tells of them."""
    return effective(log.weights) >= MIN_EFFECTIVE and mean_weight(log).upper >= 1 - 1e-9
