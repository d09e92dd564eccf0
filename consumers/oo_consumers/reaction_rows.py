"""Rows of the table of reactions, read as observed reactions.

One that occurred at an instant in which no round could close, like a reaction in the year 9999, is counted as skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import groupby
from typing import Any

from oo_contracts.instant import is_instant
from oo_decisions.round import ObservedReaction
from sqlalchemy import Row

from oo_consumers.event_reader import SkippedEvents
from oo_consumers.schema import REACTIONS

__all__ = ["observed_by_request"]


def observed_by_request(
    rows: Iterable[Row[Any]], skipped: SkippedEvents
) -> Iterator[tuple[str, tuple[ObservedReaction, ...]]]:
    """Yield each request with all its reactions; the rows are in order of their requests."""
    for request_id, group in groupby(_observed_reactions(rows, skipped), lambda pair: pair[0]):
        yield request_id, tuple(observed for _, observed in group)


def _observed_reactions(rows: Iterable[Row[Any]], skipped: SkippedEvents) -> Iterator[tuple[str, ObservedReaction]]:
    for row in rows:
        observed = _observed(row)
        if is_instant(observed.occurred_at):
            yield row.request_id, observed
        else:
            skipped.add(REACTIONS.name, row.request_id, f"{observed.occurred_at.isoformat()} is out of bounds")


def _observed(row: Row[Any]) -> ObservedReaction:
    occurred_at = row.occurred_at
    return ObservedReaction(
        row.candidate_id, row.reaction, occurred_at if occurred_at.tzinfo else occurred_at.replace(tzinfo=UTC)
    )
