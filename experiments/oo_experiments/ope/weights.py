"""This module reads what the importance weights alone say: how many rounds they are worth, and what the log lacks."""

from __future__ import annotations

import math

import numpy as np

from oo_experiments.ope.log import BanditLog, Floats
from oo_experiments.statistics.clusters import Clusters
from oo_experiments.statistics.interval import SEQUENCE_MIN_DEGREES, Interval, clustered_interval

__all__ = ["MIN_EFFECTIVE", "are_settled", "deciding_rounds", "effective_sample_size", "mean_weight"]

MIN_EFFECTIVE = 50.0  # rounds; with fewer, the mean weight itself is only known to 14 %
SURE = 0.999  # level of the mean weight's interval, so that one sound log in a thousand is refused
SETTLED_WITHIN = 2.0  # standard errors by which the mean weight may be below 1; without the heavy weights it is lower


def effective_sample_size(weights: Floats) -> float:
    """Return Kish's effective sample size, (sum w)² / sum w², in rounds.

    Source: Kish, Survey Sampling (1965).

    >>> import numpy as np
    >>> effective_sample_size(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    largest = float(weights.max(initial=0))
    if not largest:
        return 0.0
    scaled = weights / largest
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def deciding_rounds(weights: Floats) -> float:
    """Return how many rounds decide the weights' variance, by the kurtosis of deviations from 1: (sum d²)² / sum d⁴.

    Where a few rounds have a hundred times the weight of the others, estimates follow how many of them came: a Poisson
    number, so skewed that intervals miss the truth. The number is infinite for weights of 1.

    >>> import numpy as np
    >>> deciding_rounds(np.array([1.0] * 60 + [101.0] * 5))
    5.0
    """
    deviation = np.abs(weights - 1)
    largest = float(deviation.max(initial=0))
    if not largest:
        return math.inf
    square = (deviation / largest) ** 2
    return float(square.sum() ** 2 / (square**2).sum())


def mean_weight(log: BanditLog) -> Interval:
    """Return the mean weight with an interval.

    It is 1 where propensities are right and the log does all that the target does, and less by what it never does.
    """
    weights = log.weights
    mean = float(weights.mean())
    return clustered_interval(mean, weights - mean, log.user, log.users, SURE)


def are_settled(log: BanditLog) -> bool:
    """Whether normal theory holds at every look, that is, whether the heavy weights have begun to come.

    Only the mean weight, known to be 1, shows that: while the rare heavy ones are
    missing it is below 1, and so are values.
    """
    if effective_sample_size(log.weights) < MIN_EFFECTIVE:
        return False
    mean = float(log.weights.mean())
    clusters = Clusters(log.weights - mean, log.user, log.users, log.shares)
    has_come = not clusters.stderr or clusters.tail_degrees_of_freedom >= SEQUENCE_MIN_DEGREES
    return has_come and mean + SETTLED_WITHIN * clusters.stderr >= 1 - 1e-9
