"""The sample size of an experiment: from the options of `oo-ml plan` to users, rounds and days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oo_experiments.ope.log import BadLog
from oo_experiments.statistics.mean_comparison import MIN_USERS
from oo_experiments.statistics.power import (
    PowerLog,
    fixed_users,
    halving,
    sequential_users,
    split_variance,
    user_mean_variance,
    weighted_variance,
)
from oo_pipelines.ope.columns import read_table
from oo_pipelines.ope.rounds_table import RoundsTable, UnknownTarget

from oo_cli.plan_options import BadPlan, PlanOptions

__all__ = ["sample_size"]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What is compared: `variance` is of one user's contribution to the difference.

    `halving` has the options that would need half of the users, None when there are none.
    """

    name: str
    mean: float
    rounds_per_user: float
    variance: float
    halving: dict[str, float] | None


def sample_size(options: PlanOptions) -> dict[str, Any]:
    """Return users, rounds and days by each interval, as JSON has them.

    Raises:
        BadPlan: the log cannot be used, or no number of users would be enough.
    """
    comparison = _logged(options) if options.log is not None else _imagined(options)
    effect = options.wanted(comparison.mean)
    alpha, power = options.alpha, options.power
    users = {
        "fixed": fixed_users(comparison.variance, effect, alpha, power),
        "always_valid": sequential_users(comparison.variance, effect, alpha, power),
        "always_valid_median": sequential_users(comparison.variance, effect, alpha, 0.5),
    }
    summary = {"comparison": comparison.name, "mean": comparison.mean, "effect": effect, "alpha": alpha, "power": power}
    per_user = {
        "rounds_per_user": comparison.rounds_per_user,
        "variance_per_user": comparison.variance,
        "halving": comparison.halving,
    }
    return (
        summary | per_user | {name: _size(count, comparison.rounds_per_user, options) for name, count in users.items()}
    )


def _size(users: float, rounds_per_user: float, options: PlanOptions) -> dict[str, float | None]:
    if not math.isfinite(users):
        raise BadPlan("the effect is too small: no number of users would be enough")
    whole = max(math.ceil(users), 2 * MIN_USERS)  # there is no interval from fewer
    rounds = math.ceil(whole * rounds_per_user)
    days = rounds / options.rounds_per_day if options.rounds_per_day else None
    return {"users": whole, "rounds": rounds, "days": days}


def _imagined(options: PlanOptions) -> _Comparison:
    """Return the comparison by what the options say of the rounds to come."""
    mean, rounds, floor = options.reward, options.rounds_per_user or 1.0, options.propensity_floor
    effect = options.wanted(mean)
    if floor is not None:
        variance = weighted_variance(options.square(), options.square(effect / options.differs), floor, options.differs)
        name, option, half = f"off-policy, floor {floor:g}", "propensity_floor", halving(floor)
    else:
        share = 0.5 if options.split is None else options.split
        now, new = options.square() - mean**2, options.square(effect) - (mean + effect) ** 2
        variance = split_variance(now, new, share)
        name, option, half = f"split {share:g}", "split", halving(share, now, new)
    halving_options = None if half is None else {option: half}
    return _Comparison(name, mean, rounds, user_mean_variance(variance, rounds, options.icc or 0.0), halving_options)


def _logged(options: PlanOptions) -> _Comparison:
    """Return the comparison by a log, whose rounds, users and propensities are taken for those to come."""
    target = options.target or ""
    rounds = _read(Path(options.log or ""), target)
    share = rounds.halving_share()
    halving_options = None if share is None else {"share_at_random": share, "propensity_floor": rounds.floor(share)}
    if not rounds.variance > 0:
        raise BadPlan(f"target_{target}: it chooses as the log did, so there is nothing to tell apart")
    return _Comparison(
        f"off-policy, {target} on the log", rounds.mean, rounds.rounds_per_user, rounds.variance, halving_options
    )


def _read(path: Path, target: str) -> PowerLog:
    """Return the rounds of a log in the form of `oo-ml ope`.

    Raises:
        BadPlan: the log or its target cannot be used.
    """
    try:
        rounds = RoundsTable.of(read_table(path))
        log = rounds.target(target).log
        return PowerLog.of(log.propensity, log.target, log.reward, log.user, rounds.n_actions)
    except (BadLog, UnknownTarget, ValueError) as error:
        raise BadPlan(f"{path}: {str(error).replace('target:', f'target_{target}:')}") from None
