"""This module judges a metric that a challenger may not worsen by more than a margin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from oo_experiments.statistics.mean_comparison import MeanDifference

__all__ = ["Guardrail", "GuardrailVerdict"]


class GuardrailVerdict(StrEnum):
    """The verdict of the data on a guardrail."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "not enough data"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that the challenger may not worsen by more than a margin: latency, fallback rate, tokens of a tip.

    `margin` is in the metric's own unit. Without noise nothing is known yet: a rate that never happened in either arm
    gets its verdict when the challenger's moments have one more user added to whom it happened
    (`+ UserMoments.of([1], [1])`), which is the rule of three.

    >>> slower = MeanDifference(4.0, 1.0, 2.0, 6.0, 0.5, 7.5, users=900)
    >>> [str(Guardrail("latency_ms", "lower", margin).verdict(slower)) for margin in (10, 5, 0)]
    ['holds', 'not enough data', 'violated']
    """

    metric: str
    better: Literal["higher", "lower"]
    margin: float

    def __post_init__(self) -> None:
        if self.better not in {"higher", "lower"} or not 0 <= self.margin < math.inf:
            raise ValueError(f"guardrail {self.metric}: better is higher or lower, and the margin is not negative")

    def verdict(self, measured: MeanDifference, *, looks: Literal["one", "any"] = "any") -> GuardrailVerdict:
        """Return the verdict by the interval's bounds: the always-valid ones, unless there is only one look."""
        low, high = (
            (measured.lower, measured.upper) if looks == "one" else (measured.sequence_lower, measured.sequence_upper)
        )
        least, most = (low, high) if self.better == "lower" else (-high, -low)  # by how much it is worse
        if not measured.stderr > 0:
            return GuardrailVerdict.UNKNOWN
        if most < self.margin:
            return GuardrailVerdict.HOLDS
        return GuardrailVerdict.VIOLATED if least > self.margin else GuardrailVerdict.UNKNOWN
