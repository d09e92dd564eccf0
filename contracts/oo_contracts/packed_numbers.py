"""This module packs numbers of one type as base64 of their little-endian bytes, which keeps every bit of them."""

from __future__ import annotations

import binascii
import math
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from oo_contracts.columnar_decision import NUMBER_TYPES, NumberColumn, SparseNumbers

__all__ = [
    "BadColumn",
    "base64_of",
    "bytes_of",
    "finite",
    "fit_float32",
    "is_constant",
    "number_column",
    "pack",
    "pack_floats",
    "spread_numbers",
    "unpack",
]

N = TypeVar("N", bound=Sequence[float])
SPARSE_SHARE = 4  # at most one number in so many is an exception of SparseNumbers


class BadColumn(ValueError):
    """A column that cannot be read; the message says why, without its values."""


def finite(numbers: N) -> N:
    """Return the numbers.

    Raises:
        BadColumn: one of them is infinite, or no number.
    """
    if not all(map(math.isfinite, numbers)):
        raise BadColumn("has a number that is not finite")
    return numbers


def base64_of(data: bytes) -> str:
    """Return bytes as base64."""
    return binascii.b2a_base64(data, newline=False).decode()


def bytes_of(text: str) -> bytes:
    """Return the bytes of base64.

    Raises:
        BadColumn: it is none.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise BadColumn("is no base64") from None


def pack(kind: str, numbers: Sequence[float]) -> str:
    """Return PackedNumbers of a type.

    >>> pack("int32", [1, -1])
    'int32:AQAAAP////8='
    """
    return f"{kind}:{base64_of(struct.pack(f'<{len(numbers)}{NUMBER_TYPES[kind]}', *numbers))}"


def pack_floats(numbers: Sequence[float]) -> str:
    """Return PackedNumbers of float32 where that keeps all of them, else of float64."""
    return pack("float32" if fit_float32(numbers) else "float64", numbers)


def unpack(packed: str) -> tuple[Any, ...]:
    """Return the numbers of PackedNumbers.

    Raises:
        BadColumn: they are no base64, no whole numbers of bytes, or not finite.
    """
    kind, _, text = packed.partition(":")
    data = bytes_of(text)
    count, rest = divmod(len(data), struct.calcsize(f"<{NUMBER_TYPES[kind]}"))
    if rest:
        raise BadColumn(f"has {len(data)} bytes, which are no {kind}")
    numbers = struct.unpack(f"<{count}{NUMBER_TYPES[kind]}", data)
    return finite(numbers) if kind.startswith("float") else numbers


def fit_float32(numbers: Sequence[float]) -> bool:
    """Whether numbers are the same as float32; one that is not a number is not."""
    kind = f"<{len(numbers)}f"
    try:
        return struct.unpack(kind, struct.pack(kind, *numbers)) == tuple(numbers)  # 0.0 and -0.0 keep their signs
    except OverflowError:
        return False


def is_constant(numbers: Sequence[float]) -> bool:
    """Whether all numbers are the same, bit for bit."""
    first, count = numbers[0], len(numbers)
    if numbers.count(first) < count:
        return False
    return first != 0 or struct.pack(f"<{count}d", *numbers) == struct.pack("<d", first) * count


def number_column(numbers: Sequence[float]) -> float | str | Mapping[str, Any] | None:
    """Return a NumberColumn as plain values; None when there are no numbers.

    >>> number_column([0.5, 0.5]), number_column([0.0, -0.0]), number_column([])
    (0.5, 'float32:AAAAAAAAAIA=', None)
    >>> number_column([0.1, 0.1, 0.6, 0.1, 0.1])
    {'most': 0.1, 'others': {2: 0.6}}
    """
    if not numbers:
        return None
    if is_constant(numbers):
        return numbers[0]
    ((most, frequency),) = Counter(numbers).most_common(1)
    if (len(numbers) - frequency) * SPARSE_SHARE > len(numbers) or not most:  # of 0.0 and -0.0 the packed are sure
        return pack_floats(numbers)
    return {"most": most, "others": {index: number for index, number in enumerate(numbers) if number != most}}


def spread_numbers(column: NumberColumn | None, count: int) -> Sequence[float]:
    """Return the numbers of a column, one for each of `count`.

    Raises:
        BadColumn: there is another number of numbers.
    """
    match column:
        case str():
            numbers = unpack(column)
        case SparseNumbers():
            numbers = _dense(column, count)
        case _:
            numbers = () if column is None else (column,) * count
    if len(numbers) != count:
        raise BadColumn(f"has {len(numbers)} numbers for {count}")
    return numbers


def _dense(column: SparseNumbers, count: int) -> tuple[float, ...]:
    numbers = [column.most] * count
    for index, number in column.others.items():
        if index >= count:
            raise BadColumn(f"has a number {index} for {count}")
        numbers[index] = number
    return tuple(numbers)
