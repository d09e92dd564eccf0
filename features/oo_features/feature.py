"""This module defines a feature: a documented function with its dtype, source, freshness, fallback and bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from oo_contracts.score import Reason

__all__ = ["Dtype", "Feature", "check_value", "feature"]

Dtype = Literal["float32", "int", "bool"]
Group = Literal["context", "profile", "candidate"]
FLOAT32_MAX = 3.4028234663852886e38  # rows are float32


@dataclass(frozen=True, slots=True)
class Feature:
    """One declared feature.

    `compute` takes columns and returns one, for one call as for a million (`oo_features.call_arrays`): of context
    features shape (calls,), of candidate features shape (candidates,), NaN where it is unknown. `low` and `high` are
    inclusive; an unknown, invalid or outlying value becomes `fallback`.
    """

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
        """The name in rows, events and replies, `<group>.<name>`."""
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
    """Return a decorator that turns a documented function into a feature of the same name.

    Raises:
        ValueError: the function has no docstring; nobody could explain such a feature.
    """

    def declare(compute: Callable[..., Any]) -> Feature:
        if not compute.__doc__:
            raise ValueError(f"the feature {compute.__name__} has no docstring")
        return Feature(compute.__name__, group, dtype, source, freshness, fallback, compute.__doc__, compute, low, high)

    return declare


def check_value(declaration: Feature, value: Any, *, absent: Reason = "null") -> tuple[float, Reason | None]:
    """Return the value as a finite number within bounds and None, or the fallback and the reason for it."""
    if value is None:
        return declaration.fallback, absent
    if not _fits(declaration.dtype, value) or not abs(value) <= FLOAT32_MAX:  # NaN is not below anything
        return declaration.fallback, "invalid"
    if not declaration.low <= value <= declaration.high:
        return declaration.fallback, "out_of_range"
    return float(value), None


def _fits(dtype: Dtype, value: Any) -> bool:
    """Whether a value has the dtype, by JSON's types.

    A boolean or a text is no number; 3.0 is an integer, 3.5 is not.
    """
    if dtype == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return dtype == "float32" or isinstance(value, int) or (math.isfinite(value) and value == int(value))
