"""This module decides whether a log can say anything about a target policy at all, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from oo_experiments.ope.log import BanditLog
from oo_experiments.ope.ratio import RatioEstimate
from oo_experiments.ope.weights import MIN_EFFECTIVE, deciding_rounds, effective_sample_size, mean_weight
from oo_experiments.statistics.clusters import Clusters
from oo_experiments.statistics.interval import Interval

__all__ = ["Evaluability", "Support", "evaluability"]

MIN_USERS = 30  # fewer clusters make a cluster-robust interval too short (Cameron and Miller 2015, section VI)
MIN_DEGREES = 4.0  # of freedom, below which Satterthwaite's approximation fails (Tipton 2015, Psychological Methods 20)
MIN_DECIDING_ROUNDS = 20.0  # a sum of so many equal ones has a skewness of 0.22; with half as many, 0.32 is too much
EVEN_ESS_SHARE = 0.9  # of the rounds; with a smaller effective sample size the weights' variance matters
MAX_ROUND_SHARE = 0.1  # of the weights' sum, in one round
MAX_USER_SHARE = 0.25  # of the weights' sum, in one user's rounds
UNLIKELY = 1e-3  # probability with which an action of the least propensity may have been missed


@dataclass(frozen=True, slots=True)
class Support:
    """The evidence of the weights on actions that the log does not have.

    With right propensities the mean weight is 1 less the target's mass on what the log never does. `never_logged_mass`
    is the part of the target's mass on actions that were never logged, although the log is so long that they would have
    been with even its least propensity.
    """

    mean_weight: Interval
    never_logged_mass: float | None
    never_logged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluability:
    """The verdict on a log and a target, which is evaluable when there is no reason against it."""

    reasons: tuple[str, ...]
    support: Support

    @property
    def label(self) -> Literal["evaluable", "not evaluable"]:
        """The verdict in words."""
        return "not evaluable" if self.reasons else "evaluable"


def evaluability(log: BanditLog, names: Sequence[str] | None = None) -> Evaluability:
    """Return every reason why this log cannot say what the target is worth.

    `names` are the actions', by their indices.
    """
    support = _support(log, names)
    return Evaluability((*_too_little(log), *_unsupported(support)), support)


def _support(log: BanditLog, names: Sequence[str] | None) -> Support:
    interval = mean_weight(log)
    if log.distribution is None:
        return Support(interval, None, ())
    target_rounds = (log.distribution > 0).sum(axis=0)
    unseen = np.bincount(log.action, minlength=len(target_rounds)) == 0
    # Possible in n rounds with propensities of at least p, an action is logged in none with probability (1 - p)^n.
    surprising = unseen & (target_rounds * np.log1p(-min(float(log.propensity.min()), 0.5)) < np.log(UNLIKELY))
    mass = float(log.distribution[:, surprising].sum() / len(log))
    return Support(
        interval, mass, tuple(names[index] if names else str(index) for index in map(int, np.flatnonzero(surprising)))
    )


def _too_little(log: BanditLog) -> Iterator[str]:
    if log.users < MIN_USERS:
        yield f"too few users: {log.users}, and an interval over users needs {MIN_USERS}"
    if (ess := effective_sample_size(log.weights)) < MIN_EFFECTIVE:
        yield f"effective sample size {ess:.1f} of {len(log)} rounds is below {MIN_EFFECTIVE:g}"
    elif ess < EVEN_ESS_SHARE * len(log) and (deciding := deciding_rounds(log.weights)) < MIN_DECIDING_ROUNDS:
        needed = f"an interval needs {MIN_DECIDING_ROUNDS:g}"
        few = f"{deciding:.1f} heavy ones decide the variance of all weights, and {needed}"
        yield f"too few heavy rounds: {few}"
    total = float(log.weights.sum())
    if total and (share := float(log.weights.max()) / total) > MAX_ROUND_SHARE:
        yield f"one round has {share:.0%} of all weight, more than {MAX_ROUND_SHARE:.0%}"
    by_user = np.bincount(log.user, log.weights)
    if total and (share := float(by_user.max()) / total) > MAX_USER_SHARE:
        yield f"one user has {share:.0%} of all weight, more than {MAX_USER_SHARE:.0%}"
    if log.users >= MIN_USERS and (degrees := _degrees_of_freedom(log)) < MIN_DEGREES:
        worth = f"{log.users} users are worth {degrees:.1f} degrees of freedom, and an interval needs {MIN_DEGREES:g}"
        yield f"a few users make most of the rounds: {worth}"


def _degrees_of_freedom(log: BanditLog) -> float:
    """Return the degrees of freedom of the standard errors of IPS and SNIPS, whichever has fewer."""
    weights = log.weights
    denominators = [None, weights] if weights.any() else [None]
    ratios = [RatioEstimate.of(log, weights * log.reward, below) for below in denominators]
    return min(Clusters(ratio.influence, log.user, log.users, ratio.leverage).degrees_of_freedom for ratio in ratios)


def _unsupported(support: Support) -> Iterator[str]:
    mean = support.mean_weight
    if mean.value < 1 and mean.upper < 1 - 1e-9:
        missing = f"about {1 - mean.value:.0%} of the target's choices are never logged"
        yield f"support violation: the mean weight is {mean.value:.3f}, surely below 1, so {missing}"
    if mean.lower > 1 + 1e-9:
        yield f"the mean weight is {mean.value:.3f}, surely above 1: these are not the propensities of the draws"
    if support.never_logged:
        mass = support.never_logged_mass or 0.0
        unseen = ", ".join(support.never_logged)
        yield f"support violation: {mass:.1%} of the target's choices are actions that were never logged: {unseen}"
