"""The effect store: what events did, each exactly once.

An event's id goes into the inbox and its effect into its own table in one transaction. An event that comes again finds
its id there and does nothing. Rewards are not stored: they are derived from the reactions when rounds are read, so a
late reaction corrects a round, and a new reward table revalues history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple, Self, TypeVar

from oo_contracts.events import Event, GenerateDecision, Prediction, ScoreDecision
from oo_contracts.instant import MIN_INSTANT, is_instant
from oo_contracts.reward_table import DEFAULT_REWARDS, RewardTable
from oo_decisions.round import ObservedReaction, Round, closed_round
from oo_decisions.standing_decision import in_order_made
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select, true, tuple_
from sqlalchemy.engine import Engine

from oo_consumers import database
from oo_consumers.database import StoreError, StoreUnavailable, Unstorable
from oo_consumers.effects import apply_once, effects_of
from oo_consumers.event_reader import SkippedEvents
from oo_consumers.schema import DECISIONS, GENERATIONS, INBOX, PREDICTIONS, REACTIONS, SIGNALS

__all__ = [
    "MissingRows",
    "RequestCounts",
    "RequestHistory",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoredDecision",
    "Unstorable",
]

T = TypeVar("T")
E = TypeVar("E", bound=Event)

PAGE_SIZE = 500  # decisions, or requests, read at a time


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

    def record(self, source: str, fact: Event) -> bool:
        """Write one event's effect once; return False when it was already there.

        Raises:
            StoreUnavailable: nothing was written; try again.
            StoreError: the database refuses this event.
        """
        return self.record_all(source, [fact])[0]

    def record_all(self, source: str, facts: Sequence[Event]) -> list[bool]:
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
        query = select(REACTIONS).where(REACTIONS.c.request_id == request_id).order_by(REACTIONS.c.occurred_at)
        return tuple(observed for _, observed in self._believable(self._all(query)))

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table, by the table's name."""
        tables = (SIGNALS, REACTIONS, DECISIONS, GENERATIONS, PREDICTIONS)
        return self._transact(lambda connection: {table.name: _count(connection, table) for table in tables})

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
        keys = (REACTIONS.c.request_id, REACTIONS.c.occurred_at, REACTIONS.c.event_id)
        columns = (REACTIONS.c.request_id, REACTIONS.c.candidate_id, REACTIONS.c.reaction, REACTIONS.c.occurred_at)
        believable = self._believable(self._all(select(*columns).where(which).order_by(*keys)))
        for request_id, group in groupby(believable, lambda pair: pair[0].request_id):
            yield request_id, tuple(observed for _, observed in group)

    def _believable(self, reactions: Sequence[Row[Any]]) -> Iterator[tuple[Row[Any], ObservedReaction]]:
        """Yield the reactions whose instant is one in which a round could close; the others are counted as skipped."""
        for row in reactions:
            observed = _observed(row)
            if is_instant(observed.occurred_at):
                yield row, observed
            else:
                self.skipped.add(REACTIONS.name, row.request_id, f"{observed.occurred_at.isoformat()} is out of bounds")

    def request_counts(self) -> Iterator[Mapping[str, RequestCounts]]:
        """Yield the counts of every request that somebody reacted to, a page in memory at a time."""
        after, key = "", REACTIONS.c.request_id
        while rows := self._all(_request_counts().where(key > after).group_by(key).order_by(key).limit(PAGE_SIZE)):
            after = rows[-1].request_id
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
        query = select(table.c.request_id, table.c.event).where(table.c.request_id.in_(request_ids))
        return (StoredDecision(row.request_id, row.event) for row in self._all(query))

    def count_decided(self, since: datetime | None = None, until: datetime | None = None) -> int:
        """Return how many decisions were made from `since` until `until`, which is excluded."""
        return self._transact(lambda connection: _count(connection, DECISIONS, _between(DECISIONS, since, until)))

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
        after: tuple[datetime, str] | None = None
        while rows := self._all(_in_order(table, after, since, until)):
            after = _page_key(table, rows[-1])
            yield from (StoredDecision(row.request_id, row.event, row._asdict()) for row in rows)

    def missing_rows(self) -> MissingRows:
        """Return how many decisions and tips were consumed and have no row any more, and their ids where these are
        sure.

        An inbox key is never deleted, and a decision replaced by another of its request is counted in `repeats`, so the
        difference of the counts is what is missing.
        """
        row = self._all(_accounts())[0]
        missing = max(row.consumed - row.decided - row.generated, 0)
        # A repeat has an inbox key without a row of its own, which nothing tells from a lost one: then only the number
        # is known.
        sure = missing and not row.repeats
        ids = [key.event_id for key in self._all(_without_row())] if sure else []
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
        after, key = "", table.c.event_id
        columns = (key, table.c.request_id, table.c.event)
        while rows := self._all(select(*columns).where(key > after).order_by(key).limit(PAGE_SIZE)):
            after = rows[-1].event_id
            yield from (StoredDecision(row.request_id, row.event) for row in rows)

    def _decided(self, since: datetime | None) -> Iterator[tuple[ScoreDecision, tuple[ObservedReaction, ...]]]:
        """Yield decisions with all reactions to their requests, a page in memory at a time by the last key seen."""
        after: tuple[datetime, str] | None = None
        while rows := self._all(_page(after, since)):
            after = _page_key(DECISIONS, rows[-1])
            reactions = dict(self._reactions_by_request(REACTIONS.c.request_id.in_([row.request_id for row in rows])))
            stored = (StoredDecision(row.request_id, row.event) for row in rows)
            for decision in self._read(ScoreDecision, DECISIONS, stored):
                yield decision, reactions.get(decision.request_id, ())

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self._transact(lambda connection: connection.execute(query).all())

    def _transact(self, work: Callable[[Connection], T]) -> T:
        return database.transact(self.engine, work)


def _accounts() -> Select[Any]:
    """Return a query for all counts in one statement, so that they are of one instant."""
    keys = select(func.count()).select_from(INBOX).where(INBOX.c.source == DECISIONS.name)
    repeats = select(func.coalesce(func.sum(DECISIONS.c.repeats), 0))
    rows = select(func.count()).select_from(DECISIONS)
    tips = select(func.count()).select_from(GENERATIONS)
    return select(
        keys.scalar_subquery().label("consumed"),
        (rows.scalar_subquery() + repeats.scalar_subquery()).label("decided"),
        repeats.scalar_subquery().label("repeats"),
        tips.scalar_subquery().label("generated"),
    )


def _without_row() -> Select[Any]:
    rows = (
        select(table.c.event_id).where(table.c.event_id == INBOX.c.event_id).exists()
        for table in (DECISIONS, GENERATIONS)
    )
    missing = select(INBOX.c.event_id).where(INBOX.c.source == DECISIONS.name, *(~row for row in rows))
    return missing.order_by(INBOX.c.event_id).limit(PAGE_SIZE)


def _request_counts() -> Select[Any]:
    key = REACTIONS.c.request_id
    decisions = select(DECISIONS.c.repeats + 1).where(DECISIONS.c.request_id == key).scalar_subquery()
    tips = select(func.count()).select_from(GENERATIONS).where(GENERATIONS.c.request_id == key).scalar_subquery()
    return select(key, func.count().label("reactions"), decisions.label("decisions"), tips.label("tips"))


def _page(after: tuple[datetime, str] | None, since: datetime | None) -> Select[Any]:
    return _in_order(DECISIONS, after, since).where(DECISIONS.c.chosen_id.is_not(None))


def _in_order(
    table: Table, after: tuple[datetime, str] | None, since: datetime | None = None, until: datetime | None = None
) -> Select[Any]:
    keys = (table.c.decided_at, *table.primary_key)
    query = select(table).where(_between(table, since, until)).order_by(*keys).limit(PAGE_SIZE)
    return query if after is None else query.where(tuple_(*keys) > after)


def _page_key(table: Table, row: Row[Any]) -> tuple[datetime, str]:
    (key,) = table.primary_key
    return row.decided_at, getattr(row, key.name)


def _between(table: Table, since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    """Return the condition on the instant, in UTC: SQLite compares the text of an instant, not the instant."""
    decided_at = table.c.decided_at
    late = true() if since is None else decided_at >= since.astimezone(UTC)
    return late if until is None else late & (decided_at < until.astimezone(UTC))


def _observed(row: Row[Any]) -> ObservedReaction:
    occurred_at = row.occurred_at
    return ObservedReaction(
        row.candidate_id, row.reaction, occurred_at if occurred_at.tzinfo else occurred_at.replace(tzinfo=UTC)
    )


def _count(connection: Connection, table: Table, where: ColumnElement[bool] | None = None) -> int:
    query = select(func.count()).select_from(table)
    return int(connection.execute(query if where is None else query.where(where)).scalar_one())
