"""Assignment as GrowthBook's SDK specification defines it, so that the recommender's TypeScript computes the same arm.

Source: docs.growthbook.io/lib/build-your-own, sections on hashing, bucket ranges, choosing and namespaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

__all__ = ["bucket_ranges", "choose", "hash_value", "in_namespace"]

Range = tuple[float, float]


def fnv1a32(text: str) -> int:
    """The 32-bit FNV-1a hash (Fowler, Noll, Vo) of the text's UTF-8 bytes."""
    state = 0x811C9DC5
    for byte in text.encode():
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    return state


def hash_value(seed: str, value: str, version: int) -> float | None:
    """A number in [0, 1) for a user; None for a version that nobody has defined.

    >>> hash_value("seed", "a", 2), hash_value("", "a", 1)
    (0.0505, 0.22)
    """
    if version == 2:
        return fnv1a32(str(fnv1a32(seed + value))) % 10_000 / 10_000
    if version == 1:
        return fnv1a32(value + seed) % 1_000 / 1_000
    return None


def bucket_ranges(count: int, coverage: float = 1.0, weights: Sequence[float] | None = None) -> list[Range]:
    """Each variation's stretch of [0, 1); less coverage shortens each stretch and moves none of them.

    >>> bucket_ranges(2, 0.5)
    [(0.0, 0.25), (0.5, 0.75)]
    """
    shares = list(weights) if weights is not None and len(weights) == count else [1 / count] * count
    if not 0.99 <= sum(shares) <= 1.01:
        shares = [1 / count] * count
    covered = min(1.0, max(0.0, coverage))
    starts = [0.0, *accumulate(shares)]
    return [(start, start + covered * share) for start, share in zip(starts, shares, strict=False)]


def choose(n: float, ranges: Sequence[Range]) -> int:
    """The variation whose stretch holds n; -1 when none does.

    >>> choose(0.6, [(0.0, 0.25), (0.5, 0.75)]), choose(0.4, [(0.0, 0.25), (0.5, 0.75)])
    (1, -1)
    """
    return next((place for place, (low, high) in enumerate(ranges) if low <= n < high), -1)


def in_namespace(user: str, namespace: tuple[str, float, float]) -> bool:
    """Whether the user's place in the namespace lies in the experiment's stretch of it."""
    name, low, high = namespace
    place = hash_value(f"__{name}", user, 1)
    return place is not None and low <= place < high
