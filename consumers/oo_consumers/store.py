"""The effect store: what events did, each exactly once.

An event's id goes into the inbox and its effect into its own table in one transaction. An event that comes again finds
its id there and does nothing. Rewards are not stored: they are derived from the reactions when rounds are read, so a
late reaction corrects, and a new reward table re-values history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple, Self, TypeVar

from oo_contracts.events import Event, GenerateDecision, Prediction, ScoreDecision
from oo_contracts.rewards import REWARDS, RewardTable
from oo_contracts.rounds import Observed, Round, State, state_of
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select, true, tuple_
from sqlalchemy.engine import Engine

from oo_consumers import database
from oo_consumers.database import StoreError, Unavailable
from oo_consumers.effects import each_once
from oo_consumers.schema import DECISIONS, GENERATIONS, PREDICTIONS, REACTIONS, SIGNALS

__all__ = ["Logged", "Reacted", "Store", "StoreError", "Tally", "Told", "Unavailable"]

T = TypeVar("T")

PAGE = 500  # decisions, or requests, read at a time


@dataclass(frozen=True, slots=True)
class Logged:
    """A decision as it was written: JSON, not read yet."""

    request_id: str
    event: str


@dataclass(frozen=True, slots=True)
class Reacted:
    """One stored reaction, and what it was a reaction to."""

    candidate_id: str
    observed: Observed


class Tally(NamedTuple):
    """How much there is of one request. Nothing is taken away or changed uncounted: equal tallies, equal contents."""

    reactions: int
    decisions: int  # with the repeats, of which the first made stands
    tips: int


@dataclass(frozen=True, slots=True)
class Told:
    """One request: its decision and its tips by their event ids, and its reactions in order of their occurrence."""

    request_id: str
    decisions: tuple[ScoreDecision | GenerateDecision, ...]
    reactions: tuple[Reacted, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """One database. Every `record` is a transaction of its own and says whether the event was new."""

    engine: Engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect and make the tables that are missing.

        Raises:
            Unavailable: no connection.
            StoreError: not a URL of SQLite or PostgreSQL, or a newer program made the tables.
        """
        engine = database.engine(url)
        try:
            database.transact(engine, database.make_tables)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        self.engine.dispose()

    def record(self, source: str, fact: Event) -> bool:
        """Write one event's effect once; False when it was already there.

        Raises:
            Unavailable: nothing was written; try again.
            StoreError: the database refuses this event.
        """
        return self.record_all(source, [fact])[0]

    def record_all(self, source: str, facts: Sequence[Event]) -> list[bool]:
        """Many events in one transaction: all of them, or none."""
        return self._transact(lambda connection: each_once(connection, source, facts))

    def reactions(self, request_id: str) -> tuple[Observed, ...]:
        """What is known of one request, in order of occurrence."""
        query = select(REACTIONS).where(REACTIONS.c.request_id == request_id).order_by(REACTIONS.c.occurred_at)
        return tuple(map(_observed, self._all(query)))

    def counts(self) -> dict[str, int]:
        """Rows of each table."""
        tables = (SIGNALS, REACTIONS, DECISIONS, GENERATIONS, PREDICTIONS)
        return self._transact(lambda connection: {table.name: _count(connection, table) for table in tables})

    def rounds(self, now: datetime, table: RewardTable = REWARDS, since: datetime | None = None) -> Iterator[Round]:
        """Closed rounds in order of decision: shown, and their waiting time over. The others teach nothing yet."""
        for page in self._pages(since):
            for fact, observed in page:
                if state_of(observed, now, table) is State.CLOSED:
                    reward = table.reward(item.reaction for item in observed)
                    yield Round(fact, reward, min(item.occurred_at for item in observed), table.version)

    def reacted(self) -> Iterator[tuple[str, tuple[Reacted, ...]]]:
        """Every request that somebody reacted to, with all reactions, in order of their occurrence."""
        return self._reacted(true())

    def _reacted(self, which: ColumnElement[bool]) -> Iterator[tuple[str, tuple[Reacted, ...]]]:
        keys = (REACTIONS.c.request_id, REACTIONS.c.occurred_at, REACTIONS.c.event_id)
        columns = (REACTIONS.c.request_id, REACTIONS.c.candidate_id, REACTIONS.c.reaction, REACTIONS.c.occurred_at)
        found = self._all(select(*columns).where(which).order_by(*keys))
        for request_id, rows in groupby(found, lambda row: row.request_id):
            yield request_id, tuple(Reacted(row.candidate_id, _observed(row)) for row in rows)

    def tallies(self) -> Iterator[Mapping[str, Tally]]:
        """Of every request that somebody reacted to; a page in memory at a time."""
        after, key = "", REACTIONS.c.request_id
        while rows := self._all(_tallied().where(key > after).group_by(key).order_by(key).limit(PAGE)):
            after = rows[-1].request_id
            yield {row.request_id: Tally(row.reactions, row.decisions or 0, row.tips) for row in rows}

    def told(self, request_ids: Sequence[str]) -> list[Told]:
        """All that is known of some requests, at most a page of them."""
        decisions: dict[str, list[ScoreDecision | GenerateDecision]] = {request_id: [] for request_id in request_ids}
        for table, kind in ((DECISIONS, ScoreDecision), (GENERATIONS, GenerateDecision)):
            for row in self._all(select(table.c.event).where(table.c.request_id.in_(request_ids))):
                event = kind.model_validate_json(row.event)
                decisions[event.request_id].append(event)
        reactions = dict(self._reacted(REACTIONS.c.request_id.in_(request_ids)))
        return [
            Told(key, tuple(sorted(events, key=lambda event: event.event_id)), reactions.get(key, ()))
            for key, events in decisions.items()
        ]

    def count_decided(self, since: datetime | None = None, until: datetime | None = None) -> int:
        """How many decisions there are from an instant to another, which is not included."""
        return self._transact(lambda connection: _count(connection, DECISIONS, _between(DECISIONS, since, until)))

    def first_decided(self) -> datetime | None:
        """When the oldest decision was made; None when there is none."""
        found = self._transact(lambda connection: connection.execute(select(func.min(DECISIONS.c.decided_at))).scalar())
        return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)

    def decided(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[Logged]:
        """All of these decisions in their order, shown or not, a page in memory at a time."""
        return self._logged(DECISIONS, since, until)

    def written(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[Logged]:
        """The same of tips."""
        return self._logged(GENERATIONS, since, until)

    def _logged(self, table: Table, since: datetime | None, until: datetime | None) -> Iterator[Logged]:
        after: tuple[datetime, str] | None = None
        while rows := self._all(_in_order(table, after, since, until)):
            after = _place(table, rows[-1])
            yield from (Logged(row.request_id, row.event) for row in rows)

    def generated(self) -> Iterator[GenerateDecision]:
        """All tips by their event ids, a page in memory at a time."""
        return (GenerateDecision.model_validate_json(event) for event in self._by_id(GENERATIONS))

    def predicted(self) -> Iterator[Prediction]:
        """All predictions by their event ids, a page in memory at a time."""
        return (Prediction.model_validate_json(event) for event in self._by_id(PREDICTIONS))

    def _by_id(self, table: Table) -> Iterator[str]:
        after, key = "", table.c.event_id
        while rows := self._all(select(key, table.c.event).where(key > after).order_by(key).limit(PAGE)):
            after = rows[-1].event_id
            yield from (row.event for row in rows)

    def _pages(self, since: datetime | None) -> Iterator[list[tuple[ScoreDecision, tuple[Observed, ...]]]]:
        """Decisions with the reactions to what was chosen, a page at a time by the last key seen."""
        after: tuple[datetime, str] | None = None
        while rows := self._all(_page(after, since)):
            after = _place(DECISIONS, rows[-1])
            reactions = self._all(_reactions_to([row.request_id for row in rows]))
            seen = {key: tuple(map(_observed, group)) for key, group in groupby(reactions, lambda row: row.request_id)}
            yield [(ScoreDecision.model_validate_json(row.event), seen.get(row.request_id, ())) for row in rows]

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self._transact(lambda connection: connection.execute(query).all())

    def _transact(self, work: Callable[[Connection], T]) -> T:
        return database.transact(self.engine, work)


def _tallied() -> Select[Any]:
    key = REACTIONS.c.request_id
    decisions = select(DECISIONS.c.repeats + 1).where(DECISIONS.c.request_id == key).scalar_subquery()
    tips = select(func.count()).select_from(GENERATIONS).where(GENERATIONS.c.request_id == key).scalar_subquery()
    return select(key, func.count().label("reactions"), decisions.label("decisions"), tips.label("tips"))


def _page(after: tuple[datetime, str] | None, since: datetime | None) -> Select[Any]:
    return _in_order(DECISIONS, after, since).where(DECISIONS.c.chosen.is_not(None))


def _in_order(
    table: Table, after: tuple[datetime, str] | None, since: datetime | None = None, until: datetime | None = None
) -> Select[Any]:
    keys = (table.c.decided_at, *table.primary_key)
    query = select(table).where(_between(table, since, until)).order_by(*keys).limit(PAGE)
    return query if after is None else query.where(tuple_(*keys) > after)


def _place(table: Table, row: Row[Any]) -> tuple[datetime, str]:
    (key,) = table.primary_key
    return row.decided_at, getattr(row, key.name)


def _between(table: Table, since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    """In UTC: SQLite compares the text of an instant, not the instant."""
    at = table.c.decided_at
    late = true() if since is None else at >= since.astimezone(UTC)
    return late if until is None else late & (at < until.astimezone(UTC))


def _reactions_to(keys: Sequence[str]) -> Select[Any]:
    """Reactions to what was chosen, in order of occurrence; those to other candidates say nothing about the choice."""
    joined = REACTIONS.join(
        DECISIONS,
        (DECISIONS.c.request_id == REACTIONS.c.request_id) & (DECISIONS.c.chosen == REACTIONS.c.candidate_id),
    )
    order = (REACTIONS.c.request_id, REACTIONS.c.occurred_at, REACTIONS.c.event_id)
    return select(REACTIONS).select_from(joined).where(REACTIONS.c.request_id.in_(keys)).order_by(*order)


def _observed(row: Row[Any]) -> Observed:
    at = row.occurred_at
    return Observed(row.reaction, at if at.tzinfo else at.replace(tzinfo=UTC))


def _count(connection: Connection, table: Table, where: ColumnElement[bool] | None = None) -> int:
    query = select(func.count()).select_from(table)
    return int(connection.execute(query if where is None else query.where(where)).scalar_one())
