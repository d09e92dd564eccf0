"""Boltzmann exploration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from oo_experiments.choice import Choice
from oo_experiments.parameters import Positive, check, stated

__all__ = ["Softmax"]


@dataclass(frozen=True, slots=True)
class Softmax:
    """Chances in proportion to exp(value / temperature); the temperature is in units of the values.

    >>> Softmax(1.0).probabilities(Choice.of(0.0, math.log(3)))
    (0.25, 0.75)
    """

    temperature: Positive = 0.1
    name: ClassVar[str] = "softmax"

    def __post_init__(self) -> None:
        check(self)

    @property
    def version(self) -> str:
        return stated(self)

    def probabilities(self, of: Choice) -> tuple[float, ...]:
        best = max((of.values[place] for place in of.able), default=0.0)
        weights = [
            math.exp((value - best) / self.temperature) if able else 0.0
            for value, able in zip(of.values, of.eligible, strict=True)
        ]
        total = sum(weights) or 1.0
        return tuple(weight / total for weight in weights)
