"""The options of `oo-ml plan`: their ranges, which of them go together, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BadPlan", "PlanOptions"]

RANGES: dict[tuple[str, ...], tuple[str, Callable[[float], bool]]] = {
    ("alpha", "power", "split"): ("between 0 and 1", lambda value: 0 < value < 1),
    ("propensity_floor",): ("above 0 and at most 0.5", lambda value: 0 < value <= 0.5),
    ("icc",): ("from 0 to 1", lambda value: 0 <= value <= 1),
    ("differs",): ("above 0 and at most 1", lambda value: 0 < value <= 1),
    ("rounds_per_user",): ("at least 1", lambda value: 1 <= value < math.inf),
    ("sd", "rounds_per_day"): ("above 0", lambda value: 0 < value < math.inf),
    ("effect", "relative_effect"): ("a number other than 0", lambda value: value != 0 and math.isfinite(value)),
}


class BadPlan(ValueError):
    """An impossible plan; the message names the option, or the log's column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The options as they were given; None where they were not.

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

    def _require_one(self, first: str, second: str) -> None:
        if (getattr(self, first) is None) == (getattr(self, second) is None):
            raise BadPlan(f"one of {_option(first)} and {_option(second)} is needed")

    def _require_none(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise BadPlan(f"{_option(name)} comes from the log")

    @property
    def reward(self) -> float:
        """The mean reward of a round at present.

        Raises:
            BadPlan: it was not given.
        """
        if self.mean is None or not math.isfinite(self.mean):
            raise BadPlan("--mean is needed: what a round earns at present")
        return self.mean

    def square(self, gain: float = 0.0) -> float:
        """Return the mean square of the reward of rounds that earn so much more.

        Raises:
            BadPlan: the standard deviation is needed and was not given.
        """
        mean = self.reward + gain
        if self.sd is not None:
            return self.sd**2 + mean**2
        if not 0 < self.reward < 1 or not 0 <= mean <= 1:
            raise BadPlan(f"--sd is needed: rewards of 0 and 1 do not have the mean {mean:g}")
        return mean

    def wanted(self, mean: float) -> float:
        """Return the effect to find, in reward per round.

        Raises:
            BadPlan: it is a share of a mean of 0.
        """
        effect = self.effect if self.effect is not None else (self.relative_effect or 0.0) * mean
        if not effect:
            raise BadPlan("--relative-effect of a mean of 0 is no effect: say --effect")
        return effect


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
