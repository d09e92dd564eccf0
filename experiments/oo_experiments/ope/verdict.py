"""Whether a log can say anything about a target policy at all, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from oo_experiments.ope.interval import Interval
from oo_experiments.ope.log import Log
from oo_experiments.ope.weights import MIN_EFFECTIVE, effective, mean_weight

__all__ = ["Support", "Verdict", "judge"]

MIN_USERS = 30  # fewer clusters make a cluster-robust interval too short (Cameron and Miller 2015, section VI)
MAX_ROUND_SHARE = 0.1  # of the weights' sum, in one round
MAX_USER_SHARE = 0.25  # and in one user's rounds
UNLIKELY = 1e-3


@dataclass(frozen=True, slots=True)
class Support:
    """What the weights say about actions that the log does not have.

    With right propensities the mean weight is 1 less the target's mass on what the log never does. `never_logged_mass`
    is that part of the target's mass which lies on actions that were never logged though, with even the least
    propensity of the log, they would have been.
    """

    mean_weight: Interval
    never_logged_mass: float | None
    never_logged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Without a reason against it, a target is evaluable."""

    reasons: tuple[str, ...]
    support: Support

    @property
    def said(self) -> Literal["evaluable", "not evaluable"]:
        return "not evaluable" if self.reasons else "evaluable"


def judge(log: Log, names: Sequence[str] | None = None) -> Verdict:
    """Every reason why this log cannot say what the target is worth; `names` of the actions, by their places."""
    support = _support(log, names)
    return Verdict((*_too_little(log), *_unsupported(support)), support)


def _support(log: Log, names: Sequence[str] | None) -> Support:
    interval = mean_weight(log)
    if log.distribution is None:
        return Support(interval, None, ())
    wanted = (log.distribution > 0).sum(axis=0)
    unseen = np.bincount(log.action, minlength=len(wanted)) == 0
    surprising = unseen & (wanted * np.log1p(-min(float(log.propensity.min()), 0.5)) < np.log(UNLIKELY))
    mass = float(log.distribution[:, surprising].sum() / len(log))
    return Support(
        interval, mass, tuple(names[at] if names else str(at) for at in map(int, np.flatnonzero(surprising)))
    )


def _too_little(log: Log) -> Iterator[str]:
    if log.users < MIN_USERS:
        yield f"too few users: {log.users}, and an interval over users needs {MIN_USERS}"
    if (ess := effective(log.weights)) < MIN_EFFECTIVE:
        yield f"effective sample size {ess:.1f} of {len(log)} rounds is below {MIN_EFFECTIVE:g}"
    total = float(log.weights.sum())
    if total and (share := float(log.weights.max()) / total) > MAX_ROUND_SHARE:
        yield f"one round has {share:.0%} of all weight, more than {MAX_ROUND_SHARE:.0%}"
    by_user = np.bincount(log.user, log.weights)
    if total and (share := float(by_user.max()) / total) > MAX_USER_SHARE:
        yield f"one user has {share:.0%} of all weight, more than {MAX_USER_SHARE:.0%}"


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
