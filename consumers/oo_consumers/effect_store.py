"""The effect store: what events did, each exactly once.

An event's id goes into the inbox and its effect into its own table in one transaction. An event that comes again finds
its id there and does nothing. Rewards are not stored: they are derived from the reactions when rounds are read, so a
late reaction corrects a round, and a new reward table revalues history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from oo_contracts.events import Event, GenerateDecision, Prediction, ScoreDecision
from oo_contracts.instant import MIN_INSTANT
from oo_contracts.reward_table import DEFAULT_REWARDS, RewardTable
from oo_decisions.round import ObservedReaction, Round, closed_round
from oo_decisions.standing_decision import in_order_made
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select, true
from sqlalchemy.engine import Engine

from oo_consumers import database
from oo_consumers.database import StoreError, StoreUnavailable, Unstorable
from oo_consumers.effects import apply_once, effects_of
from oo_consumers.event_reader import Published, SkippedEvents
from oo_consumers.reaction_rows import observed_by_request
from oo_consumers.schema import DECISIONS, GENERATIONS, PREDICTIONS, REACTIONS, SIGNALS
from oo_consumers.store_pages import pages_by_instant, pages_by_key
from oo_consumers.store_queries import (
    consumption_counts,
    count_rows,
    counts_by_request,
    decided_between,
    events_of_requests,
    ids_without_row,
    reactions_in_order,
)
from oo_consumers.store_records import MissingRows, RequestCounts, RequestHistory, StoredDecision

__all__ = ["Store", "StoreError", "StoreUnavailable", "Unstorable"]

T = TypeVar("T")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Store:
    """One database, where every `record` is a transaction of its own and returns whether the event was new.

    `skipped` counts what an older version stored and no reader can use, like a reaction in the year 9999.
    """

    engine: Engine
    skipped: SkippedEvents = field(default_factory=SkippedEvents)

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect and make the tables that are missing.

        Raises:
            StoreUnavailable: there is no connection.
            StoreError: it is not a URL of SQLite or PostgreSQL, or a newer program made the tables.
        """
        engine = database.engine(url)
        try:
            database.transact(engine, database.make_tables)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Log how many rows were skipped, and close all connections."""
        self.skipped.log_total()
        self.engine.dispose()

    def record(self, source: str, fact: Published) -> bool:
        """Write one event's effect once; return False when it was already there.

        Raises:
            StoreUnavailable: nothing was written; try again.
            StoreError: the database refuses this event.
        """
        return self.record_all(source, [fact])[0]

    def record_all(self, source: str, facts: Sequence[Published]) -> list[bool]:
        """Write many events in one transaction, all of them or none; return for each whether it was new.

        Raises:
            Unstorable: some of the events have values that no column holds; nothing was written.
            StoreUnavailable: nothing was written; try again.
            StoreError: the database refuses one of the events.
        """
        effects = effects_of(facts)
        return self._transact(lambda connection: apply_once(connection, source, effects))

    def reactions(self, request_id: str) -> tuple[ObservedReaction, ...]:
        """Return the reactions to one request, in order of occurrence."""
        return dict(self._reactions_by_request(REACTIONS.c.request_id == request_id)).get(request_id, ())

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table, by the table's name."""
        tables = (SIGNALS, REACTIONS, DECISIONS, GENERATIONS, PREDICTIONS)
        return self._transact(
            lambda connection: {table.name: _number(connection, count_rows(table)) for table in tables}
        )

    def rounds(
        self, now: datetime, table: RewardTable = DEFAULT_REWARDS, since: datetime | None = None
    ) -> Iterator[Round]:
        """Return the closed rounds in order of decision: shown, and past their waiting time.

        Args:
            now: The instant at which a round is closed or not.
            table: The rewards of reactions.
            since: The earliest decision to read, or None for all.
        """
        rounds = (closed_round(decision, reactions, now, table) for decision, reactions in self._decided(since))
        return (item for item in rounds if item is not None)

    def reactions_by_request(self) -> Iterator[tuple[str, tuple[ObservedReaction, ...]]]:
        """Yield every request that somebody reacted to, with all its reactions in order of their occurrence."""
        return self._reactions_by_request(true())

    def _reactions_by_request(self, which: ColumnElement[bool]) -> Iterator[tuple[str, tuple[ObservedReaction, ...]]]:
        yield from observed_by_request(self._all(reactions_in_order(which)), self.skipped)

    def request_counts(self) -> Iterator[Mapping[str, RequestCounts]]:
        """Yield the counts of every request that somebody reacted to, a page in memory at a time."""
        for rows in pages_by_key(self._all, counts_by_request(), REACTIONS.c.request_id):
            yield {row.request_id: RequestCounts(row.reactions, row.decisions or 0, row.tips) for row in rows}

    def histories(self, request_ids: Sequence[str]) -> list[RequestHistory]:
        """Return everything that is known of some requests, at most a page of them."""
        decisions: dict[str, list[ScoreDecision | GenerateDecision]] = {request_id: [] for request_id in request_ids}
        for decision in self._read(ScoreDecision, DECISIONS, self._of_requests(DECISIONS, request_ids)):
            decisions[decision.request_id].append(decision)
        for tip in self._read(GenerateDecision, GENERATIONS, self._of_requests(GENERATIONS, request_ids)):
            decisions[tip.request_id].append(tip)
        reactions = dict(self._reactions_by_request(REACTIONS.c.request_id.in_(request_ids)))
        return [
            RequestHistory(key, tuple(in_order_made(events)), reactions.get(key, ()))
            for key, events in decisions.items()
        ]

    def _of_requests(self, table: Table, request_ids: Sequence[str]) -> Iterator[StoredDecision]:
        return _stored(self._all(events_of_requests(table, request_ids)))

    def count_decided(self, since: datetime | None = None, until: datetime | None = None) -> int:
        """Return how many decisions were made from `since` until `until`, which is excluded."""
        query = count_rows(DECISIONS, decided_between(DECISIONS, since, until))
        return self._transact(lambda connection: _number(connection, query))

    def first_decided(self) -> datetime | None:
        """Return when the oldest decision was made; None when there is none."""
        decided_at = DECISIONS.c.decided_at
        query = select(func.min(decided_at)).where(decided_at >= MIN_INSTANT)
        oldest = self._transact(lambda connection: connection.execute(query).scalar())
        return oldest if oldest is None or oldest.tzinfo else oldest.replace(tzinfo=UTC)

    def stored_decisions(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[StoredDecision]:
        """Yield all decisions of the interval in order of their instants, shown or not, a page in memory at a time."""
        return self._logged(DECISIONS, since, until)

    def decisions(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[ScoreDecision]:
        """Yield the decisions of the interval as events; those that cannot be read are skipped and counted."""
        return self._read(ScoreDecision, DECISIONS, self.stored_decisions(since, until))

    def stored_tips(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[StoredDecision]:
        """Yield all tips of the interval in order of their instants, a page in memory at a time."""
        return self._logged(GENERATIONS, since, until)

    def _logged(self, table: Table, since: datetime | None, until: datetime | None) -> Iterator[StoredDecision]:
        for rows in pages_by_instant(self._all, table, decided_between(table, since, until)):
            yield from (StoredDecision(row.request_id, row.event, row._asdict()) for row in rows)

    def missing_rows(self) -> MissingRows:
        """Return how many decisions and tips were consumed and have no row any more, and their ids where these are
        sure.

        An inbox key is never deleted, and a decision replaced by another of its request is counted in `repeats`, so the
        difference of the counts is what is missing.
        """
        row = self._all(consumption_counts())[0]
        missing = max(row.consumed - row.decided - row.generated, 0)
        # A repeat has an inbox key without a row of its own, which nothing tells from a lost one: then only the number
        # is known.
        sure = missing and not row.repeats
        ids = [key.event_id for key in self._all(ids_without_row())] if sure else []
        return MissingRows(missing, tuple(ids))

    def tips(self) -> Iterator[GenerateDecision]:
        """Yield all tips by their event ids, a page in memory at a time."""
        return self._read(GenerateDecision, GENERATIONS, self._by_id(GENERATIONS))

    def predictions(self) -> Iterator[Prediction]:
        """Yield all predictions by their event ids, a page in memory at a time."""
        return self._read(Prediction, PREDICTIONS, self._by_id(PREDICTIONS))

    def _read(self, kind: type[E], table: Table, rows: Iterable[StoredDecision]) -> Iterator[E]:
        events = (self.skipped.read(kind, table.name, row.request_id, row.event) for row in rows)
        return (event for event in events if event is not None)

    def _by_id(self, table: Table) -> Iterator[StoredDecision]:
        query = select(table.c.event_id, table.c.request_id, table.c.event)
        for rows in pages_by_key(self._all, query, table.c.event_id):
            yield from _stored(rows)

    def _decided(self, since: datetime | None) -> Iterator[tuple[ScoreDecision, tuple[ObservedReaction, ...]]]:
        """Yield decisions with all reactions to their requests, a page in memory at a time."""
        chosen = decided_between(DECISIONS, since) & DECISIONS.c.chosen_id.is_not(None)
        for rows in pages_by_instant(self._all, DECISIONS, chosen):
            reactions = dict(self._reactions_by_request(REACTIONS.c.request_id.in_([row.request_id for row in rows])))
            for decision in self._read(ScoreDecision, DECISIONS, _stored(rows)):
                yield decision, reactions.get(decision.request_id, ())

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self._transact(lambda connection: connection.execute(query).all())

    def _transact(self, work: Callable[[Connection], T]) -> T:
        return database.transact(self.engine, work)


def _stored(rows: Iterable[Row[Any]]) -> Iterator[StoredDecision]:
    return (StoredDecision(row.request_id, row.event) for row in rows)


def _number(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())
