"""From the options of `oo-ml plan` to users, rounds and days."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oo_experiments.comparison import FEWEST
from oo_experiments.power import (
    Logged,
    fixed_users,
    halving,
    of_users,
    sequential_users,
    split_variance,
    weighted_variance,
)

__all__ = ["BadPlan", "Options", "needed"]

RANGES: dict[tuple[str, ...], tuple[str, Callable[[float], bool]]] = {
    ("alpha", "power", "split"): ("between 0 and 1", lambda value: 0 < value < 1),
    ("propensity_floor",): ("above 0 and at most 0.5", lambda value: 0 < value <= 0.5),
    ("icc",): ("from 0 to 1", lambda value: 0 <= value <= 1),
    ("differs",): ("above 0 and at most 1", lambda value: 0 < value <= 1),
    ("rounds_per_user",): ("at least 1", lambda value: 1 <= value < math.inf),
    ("sd", "rounds_per_day", "tuning"): ("above 0", lambda value: 0 < value < math.inf),
    ("effect", "relative_effect"): ("a number other than 0", lambda value: value != 0 and math.isfinite(value)),
}


class BadPlan(ValueError):
    """What cannot be planned; the message names the option, or the log's column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """As they were given; None where they were not.

    Raises:
        BadPlan: one of them is out of its range, or does not go with the others.
    """

    effect: float | None = None
    relative_effect: float | None = None
    mean: float | None = None
    sd: float | None = None
    split: float | None = None
    propensity_floor: float | None = None
    differs: float = 1.0
    log: Path | None = None
    target: str | None = None
    rounds_per_user: float | None = None
    icc: float | None = None
    rounds_per_day: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    tuning: float = 5000

    def __post_init__(self) -> None:
        for names, (wanted, is_right) in RANGES.items():
            for name in names:
                value = getattr(self, name)
                if value is not None and not is_right(value):
                    raise BadPlan(f"{_option(name)} {value} is not {wanted}")
        self._require_one("effect", "relative_effect")
        if sum(getattr(self, name) is not None for name in ("split", "propensity_floor", "log")) > 1:
            raise BadPlan("--split, --propensity-floor and --log exclude each other")
        if (self.log is None) != (self.target is None):
            raise BadPlan("--log and --target need each other")
        if self.log is not None:
            self._require_none("mean", "sd", "rounds_per_user", "icc")

    def _require_one(self, one: str, other: str) -> None:
        if (getattr(self, one) is None) == (getattr(self, other) is None):
            raise BadPlan(f"one of {_option(one)} and {_option(other)} is needed")

    def _require_none(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise BadPlan(f"{_option(name)} comes from the log")

    @property
    def reward(self) -> float:
        """Of a round at present."""
        if self.mean is None or not math.isfinite(self.mean):
            raise BadPlan("--mean is needed: what a round earns at present")
        return self.mean

    def square(self, gain: float = 0.0) -> float:
        """Mean square of the reward of rounds that earn so much more."""
        mean = self.reward + gain
        if self.sd is not None:
            return self.sd**2 + mean**2
        if not 0 < self.reward < 1 or not 0 <= mean <= 1:
            raise BadPlan(f"--sd is needed: rewards of 0 and 1 do not have the mean {mean:g}")
        return mean

    def wanted(self, mean: float) -> float:
        """The effect, absolute."""
        effect = self.effect if self.effect is not None else (self.relative_effect or 0.0) * mean
        if not effect:
            raise BadPlan("--relative-effect of a mean of 0 is no effect: say --effect")
        return effect


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """`variance` is of one user's contribution to the difference; `halving`, what would need half of the users."""

    name: str
    mean: float
    rounds_per_user: float
    variance: float
    halving: dict[str, float] | None


def needed(options: Options) -> dict[str, Any]:
    """Users, rounds and days by each interval, as JSON has them.

    Raises:
        BadPlan: the log will not do, or no number of users would be enough.
    """
    of = _logged(options) if options.log is not None else _imagined(options)
    effect = options.wanted(of.mean)
    alpha, power, tuning = options.alpha, options.power, options.tuning
    users = {
        "fixed": fixed_users(of.variance, effect, alpha, power),
        "always_valid": sequential_users(of.variance, effect, alpha, power, tuning),
        "always_valid_median": sequential_users(of.variance, effect, alpha, 0.5, tuning),
    }
    said = {"comparison": of.name, "mean": of.mean, "effect": effect, "alpha": alpha, "power": power}
    per_user = {"rounds_per_user": of.rounds_per_user, "variance_per_user": of.variance, "halving": of.halving}
    return said | per_user | {name: _size(count, of.rounds_per_user, options) for name, count in users.items()}


def _size(users: float, rounds_per_user: float, options: Options) -> dict[str, float | None]:
    if not math.isfinite(users):
        raise BadPlan("the effect is too small: no number of users would be enough")
    whole = max(math.ceil(users), 2 * FEWEST)  # no interval comes from fewer
    rounds = math.ceil(whole * rounds_per_user)
    days = rounds / options.rounds_per_day if options.rounds_per_day else None
    return {"users": whole, "rounds": rounds, "days": days}


def _imagined(options: Options) -> _Comparison:
    """From what people say of the rounds to come."""
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
    less = None if half is None else {option: half}
    return _Comparison(name, mean, rounds, of_users(variance, rounds, options.icc or 0.0), less)


def _logged(options: Options) -> _Comparison:
    """From a log, whose rounds, users and propensities are taken for those to come."""
    target = options.target or ""
    rounds = _read(Path(options.log or ""), target)
    share = rounds.halving_share()
    less = None if share is None else {"share_at_random": share, "propensity_floor": rounds.floor(share)}
    if not rounds.variance > 0:
        raise BadPlan(f"target_{target}: it chooses as the log did, so there is nothing to tell apart")
    return _Comparison(f"off-policy, {target} on the log", rounds.mean, rounds.rounds_per_user, rounds.variance, less)


def _read(path: Path, target: str) -> Logged:
    """Of the log that `oo-ml ope` reads, too."""
    from oo_experiments.ope.log import BadLog  # noqa: PLC0415
    from oo_pipelines.ope_columns import read  # noqa: PLC0415  # pyarrow, and only a log needs it
    from oo_pipelines.ope_table import Rounds, UnknownTarget  # noqa: PLC0415

    try:
        rounds = Rounds.of(read(path))
        log = rounds.target(target).log
        return Logged.of(log.propensity, log.target, log.reward, log.user, rounds.n_actions)
    except (BadLog, UnknownTarget, ValueError) as error:
        raise BadPlan(f"{path}: {str(error).replace('target:', f'target_{target}:')}") from None
