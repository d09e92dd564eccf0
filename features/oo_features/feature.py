"""A feature is a documented function, declared once with its dtype, source, freshness, fallback and bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from oo_contracts.score import Candidate, Reason
from oo_contracts.task import TaskFacts

from oo_features.moment import Moment

__all__ = ["Dtype", "Feature", "Subject", "checked", "feature"]

Dtype = Literal["float32", "int", "bool"]
Group = Literal["context", "profile", "candidate"]
FLOAT32_MAX = 3.4028234663852886e38  # rows are float32


@dataclass(frozen=True, slots=True)
class Subject:
    """What a candidate feature looks at: the candidate, its task if it has one, and its place among the candidates."""

    moment: Moment
    candidate: Candidate
    task: TaskFacts | None
    place: int


@dataclass(frozen=True, slots=True)
class Feature:
    """`low` and `high` are inclusive; a value that is unknown, invalid or outside becomes `fallback`."""

    name: str
    group: Group
    dtype: Dtype
    source: str
    freshness: str
    fallback: float
    doc: str
    compute: Callable[..., Any]
    low: float = -math.inf
    high: float = math.inf
    ttl: timedelta | None = None

    @property
    def full_name(self) -> str:
        return f"{self.group}.{self.name}"


def feature(
    *,
    group: Group,
    source: str,
    freshness: str,
    fallback: float,
    dtype: Dtype = "float32",
    low: float = -math.inf,
    high: float = math.inf,
) -> Callable[[Callable[..., Any]], Feature]:
    """Turn a documented function into a feature of the same name.

    Raises:
        ValueError: the function has no docstring; a feature that nobody can explain is not one.
    """

    def declare(compute: Callable[..., Any]) -> Feature:
        if not compute.__doc__:
            raise ValueError(f"the feature {compute.__name__} has no docstring")
        return Feature(compute.__name__, group, dtype, source, freshness, fallback, compute.__doc__, compute, low, high)

    return declare


def checked(of: Feature, value: Any, *, absent: Reason = "null") -> tuple[float, Reason | None]:
    """The value as a finite number within bounds, or the fallback with the reason for it."""
    if value is None:
        return of.fallback, absent
    if not _fits(of.dtype, value) or not abs(value) <= FLOAT32_MAX:  # NaN is not below anything
        return of.fallback, "invalid"
    if not of.low <= value <= of.high:
        return of.fallback, "out_of_range"
    return float(value), None


def _fits(dtype: Dtype, value: Any) -> bool:
    """JSON's own types only: a boolean is no number, text is no number, 3.0 is an integer but 3.5 is not."""
    if dtype == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return dtype == "float32" or isinstance(value, int) or (math.isfinite(value) and value == int(value))
