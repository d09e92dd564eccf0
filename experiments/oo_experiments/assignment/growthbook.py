"""This module assigns by GrowthBook's SDK specification, so that the recommender computes the same arm.

Source: docs.growthbook.io/lib/build-your-own, sections on hashing, bucket ranges, choosing and namespaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from operator import add

import numpy as np
from numpy.typing import NDArray

__all__ = ["bucket_ranges", "choose_variation", "hash_value", "hash_values", "in_namespace"]

Range = tuple[float, float]
States = NDArray[np.uint32]
FNV_OFFSET_BASIS, FNV_PRIME = 0x811C9DC5, 0x01000193
POWERS = 10 ** np.arange(9, -1, -1, dtype=np.uint32)  # of the decimal digits that 32 bits may have


def fnv1a32(text: str) -> int:
    """Return the 32-bit FNV-1a hash (Fowler, Noll, Vo), but over UTF-16 code units, each XORed whole.

    GrowthBook's TypeScript SDK does so (`charCodeAt`), and the recommender runs it; the published cases are all ASCII,
    where bytes and units are the same. Its Python SDK takes code points, and so puts an id with an emoji elsewhere.
    """
    state = FNV_OFFSET_BASIS
    for unit in _utf16_units(text).tolist():
        state = ((state ^ unit) * FNV_PRIME) & 0xFFFFFFFF
    return state


def hash_value(seed: str, value: str, version: int) -> float | None:
    """Return a number in [0, 1) for a user, or None for a version that is not defined.

    >>> hash_value("seed", "a", 2), hash_value("", "a", 1)
    (0.0505, 0.22)
    """
    if version == 2:
        return fnv1a32(str(fnv1a32(seed + value))) % 10_000 / 10_000
    if version == 1:
        return fnv1a32(value + seed) % 1_000 / 1_000
    return None


def hash_values(seed: str, values: Sequence[str], version: int) -> NDArray[np.float64]:
    """Return `hash_value` of a whole population, NaN where that returns None; a million users take seconds.

    >>> hash_values("seed", ["a", "b"], 2).tolist()
    [0.0505, 0.2696]
    """
    if version == 2:
        states = _absorb(np.full(len(values), fnv1a32(seed), np.uint32), values)
        return _hash_decimals(states) % 10_000 / 10_000
    if version == 1:
        states = _absorb(np.full(len(values), FNV_OFFSET_BASIS, np.uint32), values)
        for unit in _utf16_units(seed):
            states = (states ^ unit) * np.uint32(FNV_PRIME)
        return states % 1_000 / 1_000
    return np.full(len(values), np.nan)


def _utf16_units(text: str) -> NDArray[np.uint16]:
    """Return UTF-16 code units; half of a surrogate pair, which JSON can spell, is a unit as any other."""
    return np.frombuffer(text.encode("utf-16-le", "surrogatepass"), "<u2")


def _absorb(states: States, values: Sequence[str]) -> States:
    """Return the hashes continued with each value: position by position, over all values that are long enough.

    Values are sorted by length, the longest first, so those that are long enough are always the first `count`.
    """
    parts = [value.encode("utf-16-le", "surrogatepass") for value in values]
    sizes = np.fromiter(map(len, parts), np.int64, len(parts)) // 2
    units = np.frombuffer(b"".join(parts), "<u2").astype(np.uint32)
    order = np.argsort(-sizes, kind="stable")
    starts, longest = (np.cumsum(sizes) - sizes)[order], sizes[order]
    hashes = states[order]
    for position in range(longest[0] if len(longest) else 0):
        count = int(np.searchsorted(-longest, -position))
        hashes[:count] = (hashes[:count] ^ units[starts[:count] + position]) * np.uint32(FNV_PRIME)
    unsorted = np.empty_like(hashes)
    unsorted[order] = hashes
    return unsorted


def _hash_decimals(numbers: States) -> States:
    """Return the hash of each number's decimal text."""
    hashes = np.full(len(numbers), FNV_OFFSET_BASIS, np.uint32)
    for power in POWERS:
        digit = numbers // power % np.uint32(10) + np.uint32(ord("0"))
        hashes = np.where((numbers >= power) | (power == 1), (hashes ^ digit) * np.uint32(FNV_PRIME), hashes)
    return hashes


def bucket_ranges(count: int, coverage: float | None = None, weights: Sequence[float] | None = None) -> list[Range]:
    """Return each variation's range of [0, 1); less coverage shortens each range and moves none of them.

    Without a coverage all are covered. As in the SDK, weights of another number or sum count as equal, and a weight
    that is no number ends the ranges: nobody is in them.

    >>> bucket_ranges(2, 0.5)
    [(0.0, 0.25), (0.5, 0.75)]
    """
    equal = [1 / max(count, 1)] * count
    shares = list(weights) if weights is not None and len(weights) == count else equal
    total = reduce(add, shares, 0.0)  # in the SDK's order; `sum` rounds in another way from Python 3.12 on
    if total < 0.99 or total > 1.01:
        shares = equal
    starts = accumulate(shares, initial=0.0)
    covered = 1.0 if coverage is None else min(1.0, max(0.0, coverage))
    return [(start, start + covered * share) for start, share in zip(starts, shares, strict=False)]


def choose_variation(n: float, ranges: Sequence[Range]) -> int:
    """Return the index of the variation whose range holds n, or -1 when none does.

    >>> choose_variation(0.6, [(0.0, 0.25), (0.5, 0.75)]), choose_variation(0.4, [(0.0, 0.25), (0.5, 0.75)])
    (1, -1)
    """
    return next((index for index, (low, high) in enumerate(ranges) if low <= n < high), -1)


def in_namespace(user: str, namespace: tuple[str, float, float]) -> bool:
    """Whether the user's position in the namespace lies in the experiment's range of it.

    Positions in two namespaces are independent only where the names differ early: the SDK hashes by version 1 here,
    which mixes the last letters little (users' positions in `one` and `two` correlate, in `ns-1` and `ns-2` more).
    """
    name, low, high = namespace
    position = hash_value(f"__{name}", user, 1)
    return position is not None and low <= position < high
