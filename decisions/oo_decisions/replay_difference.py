"""The differences between what was logged and what this code makes of the same event, compared by their bits."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from oo_contracts.checksums import mismatches
from oo_contracts.events import GenerateDecision, ScoreDecision

__all__ = ["ReplayDifference", "checksum_differences", "is_same"]


@dataclass(frozen=True, slots=True)
class ReplayDifference:
    """One difference; `what` is a feature's name, value, propensity, and so on."""

    request_id: str
    candidate_id: str | None
    what: str
    logged: Any
    recomputed: Any


def checksum_differences(decision: ScoreDecision | GenerateDecision) -> Iterator[ReplayDifference]:
    """Yield what was changed since by the decision's checksums, also where nothing follows from it."""
    for name in mismatches(decision):
        yield ReplayDifference(decision.request_id, None, f"seal of {name}", "sealed", "changed since")


def is_same(left: Any, right: Any) -> bool:
    """Return whether numbers are equal bit for bit, and anything else by equality.

    0.0 is not -0.0, and no difference is small.

    >>> is_same((0.1, 0.2), [0.1, 0.2]), is_same(0.0, -0.0), is_same(None, None), is_same("a", "b")
    (True, False, True, False)
    """
    if isinstance(left, float) and isinstance(right, float):
        return _bits((left,)) == _bits((right,))
    if isinstance(left, Sequence) and isinstance(right, Sequence) and not isinstance(left, str):
        return _bits(left) == _bits(right)
    return bool(left == right)


def _bits(values: Sequence[float]) -> bytes:
    return array("d", values).tobytes()
