"""This module bounds a policy's parameters.

All of them are in the policy's version, so that replay can build it again.

The bounds are in the annotations of the policy's own fields; whatever checks, lists or reads parameters asks there.
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
    "TunablePolicy",
    "Unsigned",
    "parameter_string",
    "parameters",
    "shortest_repr",
    "validate_parameters",
]


class BadParameter(ValueError):
    """A parameter is unknown, missing or out of its bounds; `name` is its name in files and versions."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of a parameter from `low` to `high`, both included."""

    low: float
    high: float
    whole: bool = False

    def __str__(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {shortest_repr(self.low)} to {shortest_repr(self.high)}"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high and (not self.whole or value == int(value))


Share = Annotated[float, Bounds(0, 1)]
Unsigned = Annotated[float, Bounds(0, 1_000_000)]
Positive = Annotated[float, Bounds(0.001, 1_000_000)]
Prior = Annotated[float, Bounds(0.1, 1_000_000)]  # of a Beta distribution, in the range where the quadrature is tested
Reward = Annotated[float, Bounds(-8, 8)]  # as beliefs accept it
Count = Annotated[int, Bounds(1, 100_000, whole=True)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """The bounds of a parameter and its default, which is None where a value has to be given."""

    bounds: Bounds
    default: float | None

    def read(self, value: float) -> float:
        """Return the value as a policy takes it; files and versions do not distinguish 500 and 500.0."""
        return int(value) if self.bounds.whole and value in self.bounds else value


@cache
def parameters(policy: Any) -> Mapping[str, Parameter]:
    """Return what a policy's constructor takes besides beliefs, by name, in its order."""
    hints = get_type_hints(policy, include_extras=True)
    bounds = {name: declared for name, hint in hints.items() if (declared := _bounds(hint)) is not None}
    defaults = {field.name: field.default for field in fields(policy)}
    return {
        name: Parameter(bounds[name], None if default is MISSING else default)
        for name, default in defaults.items()
        if name in bounds
    }


def _bounds(hint: Any) -> Bounds | None:
    return next((item for item in getattr(hint, "__metadata__", ()) if isinstance(item, Bounds)), None)


def validate_parameters(policy: Any) -> None:
    """Check every parameter of a policy; to be called in its `__post_init__`.

    Raises:
        BadParameter: a parameter is out of its bounds.
    """
    for name, parameter in parameters(policy.__class__).items():
        value = getattr(policy, name)
        if value not in parameter.bounds:
            raise BadParameter(name, f"is {parameter.bounds}, not {value}")


def parameter_string(policy: Any) -> str:
    """Return all parameters as a version has them: `gamma=20` or `alpha=1,ridge=0.5`."""
    return ",".join(f"{name}={shortest_repr(getattr(policy, name))}" for name in parameters(policy.__class__))


def shortest_repr(value: float) -> str:
    """Return the shortest text that reads back as the same number.

    >>> shortest_repr(20), shortest_repr(0.1)
    ('20', '0.1')
    """
    return repr(float(value)).removesuffix(".0")


class TunablePolicy:
    """A policy with parameters: they are checked when it is made, and are its version."""

    __slots__ = ()

    def __post_init__(self) -> None:
        validate_parameters(self)

    @property
    def version(self) -> str:
        """The parameters, as logs name them."""
        return parameter_string(self)
