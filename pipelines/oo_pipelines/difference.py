"""What was logged and what this code makes of the same event, compared by their bits."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_contracts.seals import broken

__all__ = ["Difference", "changed", "same"]


@dataclass(frozen=True, slots=True)
class Difference:
    """`what` is a feature's name, value, chance, …"""

    request_id: str
    candidate_id: str | None
    what: str
    logged: Any
    recomputed: Any


def changed(of: ScoreDecision | GenerateDecision) -> Iterator[Difference]:
    """By its seals: what was changed since, also where nothing follows from it."""
    for name in broken(of):
        yield Difference(of.request_id, None, f"seal of {name}", "sealed", "changed since")


def same(said: Any, found: Any) -> bool:
    """Numbers bit for bit: 0.0 is not -0.0, and no difference is small; all else by equality.

    >>> same((0.1, 0.2), [0.1, 0.2]), same(0.0, -0.0), same(None, None), same("a", "b")
    (True, False, True, False)
    """
    if isinstance(said, float) and isinstance(found, float):
        return _bits((said,)) == _bits((found,))
    if isinstance(said, Sequence) and isinstance(found, Sequence) and not isinstance(said, str):
        return _bits(said) == _bits(found)
    return bool(said == found)


def _bits(of: Sequence[float]) -> bytes:
    return array("d", of).tobytes()
