"""This module writes values as a column: nothing where all are the default, one value where all are equal, or all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from oo_contracts.packed_numbers import BadColumn

__all__ = ["column", "references", "resolve", "spread"]

T = TypeVar("T")


def column(values: Sequence[T], default: T) -> T | list[T] | None:
    """Return a column of plain values; None says that all are the default.

    >>> column([1, 1], 1), column([2, 2], 1), column([1, 2], 1)
    (None, 2, [1, 2])
    """
    if not values or values.count(values[0]) < len(values):
        return list(values) or None
    return None if values[0] == default else values[0]


def spread(written: T | Sequence[T] | None, default: T, count: int) -> Sequence[T]:
    """Return the values of a column, one for each of `count`.

    Raises:
        BadColumn: it has another number of values.
    """
    if isinstance(written, tuple):
        if len(written) != count:
            raise BadColumn(f"has {len(written)} values for {count}")
        return written
    return (default if written is None else written,) * count  # type: ignore[return-value]  # no sequence is left


def references(names: Iterable[str | None], index_by_name: Mapping[str, int]) -> list[int | str | None]:
    """Return each name as its index where it has one."""
    return [name if name is None else index_by_name.get(name, name) for name in names]


def resolve(written: Iterable[int | str | None], names: Sequence[str]) -> list[Any]:
    """Return names of which some were written as an index into `names`.

    Raises:
        BadColumn: an index is beyond them.
    """
    try:
        return [names[item] if isinstance(item, int) else item for item in written]
    except IndexError:
        raise BadColumn("has an index beyond the last") from None
