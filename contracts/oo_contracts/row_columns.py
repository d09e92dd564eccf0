"""This module packs the served rows by feature: those that all rows share once, and of the others each in the fewest
bytes that keep its numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from oo_contracts.columnar_decision import ColumnarRows
from oo_contracts.limits import MAX_ROW_VALUES
from oo_contracts.packed_numbers import (
    BadColumn,
    base64_of,
    bytes_of,
    finite,
    fit_float32,
    is_constant,
    pack_floats,
    unpack,
)

__all__ = ["row_columns", "spread_rows"]

Row = tuple[float, ...]
MINUS_ZERO = struct.pack("<d", -0.0)  # the sign of which no whole number has
WHOLE = {"b": 2**7, "h": 2**15}  # letters in `struct` of whole numbers from minus this on, and below this


def row_columns(columns: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return ColumnarRows as plain values, without what is absent, of rows that are given by feature."""
    shared = next((index for index, values in enumerate(columns) if not is_constant(values)), len(columns))
    written: dict[str, Any] = {"shared": pack_floats([column[0] for column in columns[:shared]])} if shared else {}
    if own := columns[shared:]:
        types = "".join(map(_type, own))
        written |= {"types": types, "own": base64_of(b"".join(map(_packed, types, own)))}
    return written


def _type(numbers: Sequence[float]) -> str:
    if all(map(float.is_integer, numbers)) and MINUS_ZERO not in struct.pack(f"<{len(numbers)}d", *numbers):
        low, high = min(numbers), max(numbers)
        if letter := next((letter for letter, limit in WHOLE.items() if -limit <= low and high < limit), None):
            return letter
    return "f" if fit_float32(numbers) else "d"


def _packed(letter: str, numbers: Sequence[float]) -> bytes:
    kind = f"<{len(numbers)}{letter}"
    return struct.pack(kind, *map(int, numbers)) if letter in WHOLE else struct.pack(kind, *numbers)


def spread_rows(written: ColumnarRows, count: int) -> Sequence[Row]:
    """Return the rows, one for each of `count` candidates.

    Raises:
        BadColumn: the numbers are no such rows, or too many.
    """
    shared: Row = unpack(written.shared) if written.shared else ()
    if count * (len(shared) + len(written.types)) > MAX_ROW_VALUES:
        raise BadColumn(f"has more than {MAX_ROW_VALUES} numbers")
    own = bytes_of(written.own)
    size = count * sum(map(struct.calcsize, (f"<{letter}" for letter in written.types)))
    if len(own) != size or (shared and not count):
        raise BadColumn(f"has {len(own)} bytes for {count} candidates")
    columns = list(_columns(written.types, own, count))
    return [shared + rest for rest in zip(*columns, strict=True)] if columns else [shared] * count


def _columns(types: str, own: bytes, count: int) -> Iterator[Sequence[float]]:
    start = 0
    for letter in types:
        kind = f"<{count}{letter}"
        numbers = struct.unpack_from(kind, own, start)
        start += struct.calcsize(kind)
        yield list(map(float, numbers)) if letter in WHOLE else finite(numbers)
