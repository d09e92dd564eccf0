"""What the effect store answers with: a decision as it was written, the whole of a request, and counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_decisions.round import ObservedReaction

__all__ = ["MissingRows", "RequestCounts", "RequestHistory", "StoredDecision"]


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision as it was written, in JSON that is not parsed yet.

    `columns` has all columns of its row, where the whole row was read.
    """

    request_id: str
    event: str
    columns: Mapping[str, Any] = field(default_factory=dict)


class MissingRows(NamedTuple):
    """Events that were consumed and whose rows are gone; `event_ids` is empty where these are not known for sure."""

    missing: int
    event_ids: tuple[str, ...]


class RequestCounts(NamedTuple):
    """How much is stored of one request. Every change changes a count, so equal counts mean equal contents."""

    reactions: int
    decisions: int  # including the repeats, of which the first made stands
    tips: int


@dataclass(frozen=True, slots=True)
class RequestHistory:
    """One request: its decision and its tips, first made first, and its reactions in order of their occurrence."""

    request_id: str
    decisions: tuple[ScoreDecision | GenerateDecision, ...]
    reactions: tuple[ObservedReaction, ...]
