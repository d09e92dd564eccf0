"""The queries of the effect store, as SQLAlchemy's expressions: what is counted, missing, or of some requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select, true

from oo_consumers.schema import DECISIONS, GENERATIONS, INBOX, REACTIONS
from oo_consumers.store_pages import PAGE_SIZE

__all__ = [
    "consumption_counts",
    "count_rows",
    "counts_by_request",
    "decided_between",
    "events_of_requests",
    "ids_without_row",
    "reactions_in_order",
]


def count_rows(table: Table, where: ColumnElement[bool] | None = None) -> Select[Any]:
    """Return a query for the number of a table's rows, or of those that a condition holds for."""
    query = select(func.count()).select_from(table)
    return query if where is None else query.where(where)


def decided_between(table: Table, since: datetime | None, until: datetime | None = None) -> ColumnElement[bool]:
    """Return the condition on the instant, in UTC: SQLite compares the text of an instant, not the instant."""
    decided_at = table.c.decided_at
    late = true() if since is None else decided_at >= since.astimezone(UTC)
    return late if until is None else late & (decided_at < until.astimezone(UTC))


def events_of_requests(table: Table, request_ids: Sequence[str]) -> Select[Any]:
    """Return a query for the decisions, or the tips, of some requests."""
    return select(table.c.request_id, table.c.event).where(table.c.request_id.in_(request_ids))


def reactions_in_order(where: ColumnElement[bool]) -> Select[Any]:
    """Return a query for reactions by request, those of a request in the order of their occurrence."""
    keys = (REACTIONS.c.request_id, REACTIONS.c.occurred_at, REACTIONS.c.event_id)
    columns = (REACTIONS.c.request_id, REACTIONS.c.candidate_id, REACTIONS.c.reaction, REACTIONS.c.occurred_at)
    return select(*columns).where(where).order_by(*keys)


def counts_by_request() -> Select[Any]:
    """Return a query for how much is stored of each request that somebody reacted to."""
    key = REACTIONS.c.request_id
    decisions = select(DECISIONS.c.repeats + 1).where(DECISIONS.c.request_id == key).scalar_subquery()
    tips = select(func.count()).select_from(GENERATIONS).where(GENERATIONS.c.request_id == key).scalar_subquery()
    counts = (func.count().label("reactions"), decisions.label("decisions"), tips.label("tips"))
    return select(key, *counts).group_by(key)


def consumption_counts() -> Select[Any]:
    """Return a query for how many decisions and tips were consumed, and how many are stored.

    It has all counts in one statement, so that they are of one instant.
    """
    keys = count_rows(INBOX, INBOX.c.source == DECISIONS.name)
    repeats = select(func.coalesce(func.sum(DECISIONS.c.repeats), 0))
    rows = count_rows(DECISIONS)
    tips = count_rows(GENERATIONS)
    return select(
        keys.scalar_subquery().label("consumed"),
        (rows.scalar_subquery() + repeats.scalar_subquery()).label("decided"),
        repeats.scalar_subquery().label("repeats"),
        tips.scalar_subquery().label("generated"),
    )


def ids_without_row() -> Select[Any]:
    """Return a query for the ids, at most a page of them, of consumed decisions and tips that have no row."""
    rows = (
        select(table.c.event_id).where(table.c.event_id == INBOX.c.event_id).exists()
        for table in (DECISIONS, GENERATIONS)
    )
    missing = select(INBOX.c.event_id).where(INBOX.c.source == DECISIONS.name, *(~row for row in rows))
    return missing.order_by(INBOX.c.event_id).limit(PAGE_SIZE)
