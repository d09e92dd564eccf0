"""The sources of decisions that replay reads: the effect store and the offline log.

Both hold whole events, and columns beside each event that repeat some of its fields for queries. A source yields rows
as they stand and says what columns an event must have, so that a changed column is as visible as a changed event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from deltalake import QueryBuilder
from oo_consumers.effect_store import Store
from oo_consumers.effects import row_of
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, LakeTable
from oo_consumers.standing_sql import STANDING_CTE, STANDING_TABLES
from oo_consumers.store_records import MissingRows, StoredDecision
from oo_contracts.events import GenerateDecision, ScoreDecision

__all__ = ["Decision", "DecisionSource", "LogSource", "Period", "StoreSource"]

Decision = ScoreDecision | GenerateDecision
BY_NAME = {table.name: table for table in TABLES}

STANDING_SQL = f"""
WITH {STANDING_CTE}
SELECT {{columns}} FROM ({{rows}}) AS standing
WHERE decided_at >= TIMESTAMP '{{since}}' ORDER BY decided_at, {{key}}
"""  # noqa: S608  # names of our own tables and columns, and an instant
PERIOD_SQL = "SELECT min(decided_at), max(decided_at) FROM {table}"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Period(NamedTuple):
    """The instants of the oldest and of the newest row, in UTC."""

    oldest: datetime
    newest: datetime


class DecisionSource(Protocol):
    """Decisions in order of time, each of a request or a tip once; `since` is included, and None is the beginning."""

    @property
    def name(self) -> str:
        """The source's name in reports."""

    def count(self, since: datetime | None) -> int:
        """Return the number of decisions."""

    def decisions(self, since: datetime | None) -> Iterator[StoredDecision]:
        """Yield the decisions for candidates."""

    def tips(self, since: datetime | None) -> Iterator[StoredDecision]:
        """Yield the decisions of tips."""

    def columns(self, event: Decision) -> Mapping[str, Any]:
        """Return the columns that an event must have beside it."""

    def unaccounted(self) -> MissingRows:
        """Return the events that were consumed and have no row any more."""


@dataclass(frozen=True, slots=True)
class StoreSource:
    """The effect store as a source."""

    store: Store
    name: str = "store"

    def count(self, since: datetime | None) -> int:
        """Return the number of decisions from `since` on."""
        return self.store.count_decided(since)

    def decisions(self, since: datetime | None) -> Iterator[StoredDecision]:
        """Yield the decisions for candidates from `since` on."""
        return self.store.stored_decisions(since)

    def tips(self, since: datetime | None) -> Iterator[StoredDecision]:
        """Yield the decisions of tips from `since` on."""
        return self.store.stored_tips(since)

    def columns(self, event: Decision) -> Mapping[str, Any]:
        """Return the columns that the event must have beside it."""
        return {name: value for name, value in row_of(event).items() if name != "event"}

    def unaccounted(self) -> MissingRows:
        """Return the events that were consumed and have no row any more."""
        return self.store.missing_rows()


@dataclass(frozen=True, slots=True)
class LogSource:
    """The offline log as a source; it has no inbox, so a lost row shows only beside another source."""

    lake: Lake
    name: str = "log"

    def count(self, since: datetime | None) -> int:
        """Return the number of requests with a decision from `since` on.

        Raises:
            LakeUnavailable: the storage failed; so do the other methods.
        """
        return sum(1 for _ in self._standing(BY_NAME["decisions"], ("request_id",), "request_id", since))

    def decisions(self, since: datetime | None) -> Iterator[StoredDecision]:
        """Yield the decision of each request from `since` on."""
        return self._stored(BY_NAME["decisions"], "request_id", since)

    def tips(self, since: datetime | None) -> Iterator[StoredDecision]:
        """Yield the decisions of tips from `since` on."""
        return self._stored(BY_NAME["generations"], "event_id", since)

    def columns(self, event: Decision) -> Mapping[str, Any]:
        """Return the columns that the event must have beside it."""
        table = next(table for table in TABLES if isinstance(event, table.event_type))
        derived = {name: derive(event) for name, (_, derive) in table.columns.items()}
        return derived | {"event_id": event.event_id, table.instant: getattr(event, table.instant).astimezone(UTC)}

    def unaccounted(self) -> MissingRows:
        """Return nothing: the log cannot know what it does not have."""
        return MissingRows(0, ())

    def period(self, table: str) -> Period | None:
        """Return the instants of the table's oldest and newest rows; None when it has none."""
        oldest, newest = next(self._rows(PERIOD_SQL.format(table=table)))
        return None if newest is None else Period(oldest, newest)

    def _stored(self, table: LakeTable, key: str, since: datetime | None) -> Iterator[StoredDecision]:
        names = table.schema.names
        for row in self._standing(table, names, key, since):
            columns = dict(zip(names, row, strict=True))
            yield StoredDecision(columns["request_id"], columns["event"], columns)

    def _standing(
        self, table: LakeTable, columns: Sequence[str], key: str, since: datetime | None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the columns of the rows that stand, in order of time and of `key`."""
        rows = self.lake.selection(table, f"standing_{table.name}")
        return self._rows(STANDING_SQL.format(columns=", ".join(columns), rows=rows, since=_text(since), key=key))

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        builder = QueryBuilder()
        for name in STANDING_TABLES:
            builder = builder.register(name, self.lake.open(BY_NAME[name]))
        for batch in builder.execute(query):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _text(since: datetime | None) -> str:
    """Return the instant as SQL writes it, in UTC."""
    return f"{(since or BEGINNING).astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
