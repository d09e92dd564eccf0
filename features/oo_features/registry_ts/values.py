"""The values of expressions beside scalars: arrays, objects, maps, enums, functions, whole files."""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

from oo_features.registry_ts.module import Module
from oo_features.registry_ts.source_file import NotConstant, SourceLocation

__all__ = ["Enumeration", "Fields", "Function", "Items", "LocatedValue", "MapIterator", "Table", "Value", "truth"]

Items = list["LocatedValue"]
Fields = dict[str, "LocatedValue"]


@dataclass(frozen=True, slots=True)
class LocatedValue:
    """A value and where it stands: a scalar, a container, a function, or the reason why it is unknown."""

    value: Value
    at: SourceLocation


@dataclass(frozen=True, slots=True)
class Table:
    """A `Map`, or a `Set` whose values are its keys; a key keeps its type, since 1 is not `true`."""

    items: dict[tuple[type, str | float | bool | None], tuple[LocatedValue, LocatedValue]]
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class MapIterator:
    """The value of `.values()` of a Map: it can be spread and read once, and has no methods of arrays."""

    items: Items


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enum; listing its members would also list its numbers."""

    members: Fields


@dataclass(frozen=True, slots=True)
class Function:
    """A function, the parameters around it, and how far its file had loaded when it was made (bytes)."""

    module: Module
    node: Node
    parameters: Fields
    reached: int | None = None


Value = str | float | bool | Items | Fields | Table | MapIterator | Enumeration | Function | Module | NotConstant | None


def truth(value: Value) -> bool:
    """Return whether JavaScript takes a value for true.

    Raises:
        NotConstant: the value is no constant.
    """
    if isinstance(value, NotConstant):
        raise value
    return value not in (None, False, 0.0, "") if isinstance(value, str | float | bool | None) else True
