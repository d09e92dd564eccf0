"""Pages of the effect store: rows in the order of a key, each page read on from the last key of the one before.

One page is in memory at a time, and no offset makes the later pages slow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, Table, select, tuple_

__all__ = ["PAGE_SIZE", "Read", "pages_by_instant", "pages_by_key"]

PAGE_SIZE = 500  # decisions, or requests, read at a time

Read = Callable[[Select[Any]], Sequence[Row[Any]]]


def pages_by_key(read: Read, query: Select[Any], key: Column[str]) -> Iterator[Sequence[Row[Any]]]:
    """Yield the rows of a query in the order of its text column `key`, which differs in every row."""
    after = ""
    while rows := read(query.where(key > after).order_by(key).limit(PAGE_SIZE)):
        after = getattr(rows[-1], key.name)
        yield rows


def pages_by_instant(read: Read, table: Table, where: ColumnElement[bool]) -> Iterator[Sequence[Row[Any]]]:
    """Yield whole rows of decisions, or of tips, in the order of their instants."""
    (identity,) = table.primary_key
    keys = (table.c.decided_at, identity)
    query = select(table).where(where).order_by(*keys).limit(PAGE_SIZE)
    after: tuple[datetime, str] | None = None
    while rows := read(query if after is None else query.where(tuple_(*keys) > after)):
        after = rows[-1].decided_at, getattr(rows[-1], identity.name)
        yield rows
