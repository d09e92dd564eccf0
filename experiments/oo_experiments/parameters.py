"""A policy's parameters: each has bounds, and all of them are in its version, so that replay can build it again.

The bounds stand in the policy's own annotations; what checks, tables and reads parameters asks there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, get_type_hints

__all__ = [
    "BadParameter",
    "Bounds",
    "Count",
    "Parameter",
    "Positive",
    "Prior",
    "Reward",
    "Share",
    "Unsigned",
    "check",
    "number",
    "parameters",
    "stated",
]


class BadParameter(ValueError):
    """`name` is the parameter's, as files and versions have it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `low` to `high`, both in."""

    low: float
    high: float
    whole: bool = False

    def __str__(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {number(self.low)} to {number(self.high)}"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high and (not self.whole or value == int(value))


Share = Annotated[float, Bounds(0, 1)]
Unsigned = Annotated[float, Bounds(0, 1_000_000)]
Positive = Annotated[float, Bounds(0.001, 1_000_000)]
Prior = Annotated[float, Bounds(0.1, 1_000_000)]  # of a Beta; where the quadrature is tested
Reward = Annotated[float, Bounds(-8, 8)]  # as beliefs take it
Count = Annotated[int, Bounds(1, 100_000, whole=True)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`default` is None where one has to be given."""

    bounds: Bounds
    default: float | None

    def read(self, value: float) -> float:
        """Files and versions know no difference between 500 and 500.0."""
        return int(value) if self.bounds.whole and value in self.bounds else value


@cache
def parameters(policy: Any) -> Mapping[str, Parameter]:
    """What a policy's constructor takes, in its order, beliefs apart."""
    hints = get_type_hints(policy, include_extras=True)
    bounds = {name: found for name, hint in hints.items() if (found := _bounds(hint)) is not None}
    defaults = {field.name: field.default for field in fields(policy)}
    return {
        name: Parameter(bounds[name], None if default is MISSING else default)
        for name, default in defaults.items()
        if name in bounds
    }


def _bounds(hint: Any) -> Bounds | None:
    return next((item for item in getattr(hint, "__metadata__", ()) if isinstance(item, Bounds)), None)


def check(policy: Any) -> None:
    """For `__post_init__`.

    Raises:
        BadParameter: one is out of its bounds.
    """
    for name, parameter in parameters(policy.__class__).items():
        value = getattr(policy, name)
        if value not in parameter.bounds:
            raise BadParameter(name, f"is {parameter.bounds}, not {value}")


def stated(policy: Any) -> str:
    """All parameters as a version has them: `gamma=20` or `alpha=1,ridge=0.5`."""
    return ",".join(f"{name}={number(getattr(policy, name))}" for name in parameters(policy.__class__))


def number(value: float) -> str:
    """The shortest text that reads back as the same number.

    >>> number(20), number(0.1)
    ('20', '0.1')
    """
    return repr(float(value)).removesuffix(".0")
