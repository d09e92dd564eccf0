"""This module computes intervals over users: a fixed one for one look, a confidence sequence for all looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from oo_experiments.statistics.arrays import Floats, Ints
from oo_experiments.statistics.clusters import Clusters
from oo_experiments.statistics.quantiles import t_quantile
from oo_experiments.statistics.sequential import radius

__all__ = ["CONFIDENCE_LEVEL", "SEQUENCE_MIN_DEGREES", "SEQUENCE_MIN_USERS", "Interval", "clustered_interval"]

CONFIDENCE_LEVEL = 0.95
SEQUENCE_MIN_USERS = 30  # the sequence depends on a central limit theorem, so it is infinite with fewer
SEQUENCE_MIN_DEGREES = 20.0  # of freedom by the squares: about seven users of weight 1, among many of weight 0

STEPS = 50.0  # in which degrees of freedom are rounded, for each factor of e

quantile = cache(t_quantile)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, its standard error, and its bounds: at one look, and at every look (`sequence_`).

    `degrees_of_freedom` are those of the standard error, about one less than the number of users that the rounds are
    worth: few where a few users make most of the rounds.
    """

    value: float
    stderr: float
    lower: float
    upper: float
    sequence_lower: float
    sequence_upper: float
    degrees_of_freedom: float = math.inf


def clustered_interval(
    value: float,
    influence: Floats,
    user: Ints,
    users: int,
    level: float = CONFIDENCE_LEVEL,
    *,
    leverage: Floats | None = None,
    sequence: bool = True,
) -> Interval:
    """Return an interval that lets rounds of one user depend on each other, and users be of any size.

    Parameters
    ----------
    value : float
        The estimate, in the unit of the rewards.
    influence : (rounds,)
        What each round adds to it: the estimate's error is about their mean.
    user : (rounds,)
        The user of each round, from 0 to `users` - 1.
    leverage : (users,), optional
        Each user's share of the sum that the estimate is divided by; by default, of the rounds.
    sequence : bool
        Whether there is enough for a central limit theorem; if not, the sequence is infinite.

    Notes
    -----
    The method and its literature are in `oo_experiments.statistics.clusters`.
    The interval is infinite for a single user.
    """
    clusters = Clusters(influence, user, users, leverage)
    degrees = (
        min(clusters.degrees_of_freedom, clusters.tail_degrees_of_freedom)
        if clusters.stderr
        else clusters.degrees_of_freedom
    )
    below, above = (_times(clusters.stderr, far) for far in clusters.bounds(_quantile((1 + level) / 2, degrees)))
    enough = sequence and users >= SEQUENCE_MIN_USERS and clusters.tail_degrees_of_freedom >= SEQUENCE_MIN_DEGREES
    sequence_radius = float(radius(clusters.stderr, users, 1 - level)) if enough else math.inf
    return Interval(
        value=value,
        stderr=clusters.stderr,
        lower=value - below,
        upper=value + above,
        sequence_lower=value - sequence_radius,
        sequence_upper=value + sequence_radius,
        degrees_of_freedom=clusters.degrees_of_freedom,
    )


def _times(stderr: float, far: float) -> float:
    """Return the product; without any error even infinitely many standard errors are 0."""
    return stderr * far if stderr else 0.0


def _quantile(share: float, degrees: float) -> float:
    """Return Student's quantile at degrees rounded down to steps of 2 %, so that few have to be cached.

    At four degrees it is too large by 0.5 % at most.
    """
    return quantile(share, math.exp(math.floor(math.log(degrees) * STEPS) / STEPS) if degrees else 0.0)
