"""The effect of each kind of event on the database, in the transaction that also writes its inbox key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from oo_contracts.decision_summary import DecisionSummary
from oo_contracts.events import Feedback, GenerateDecision, Prediction, ScoreDecision, Signal
from sqlalchemy import Connection, String, Table
from sqlalchemy.dialects import postgresql, sqlite

from oo_consumers.database import Unstorable
from oo_consumers.event_reader import Published
from oo_consumers.schema import DECISIONS, GENERATIONS, INBOX, PREDICTIONS, REACTIONS, SIGNALS
from oo_consumers.standing_sql import keep_first_made

__all__ = ["Effect", "apply_once", "effects_of", "row_of"]

Insert = Callable[[Table], Any]
Row = dict[str, Any]

DECISION_COLUMNS = ("event_id", "user_id", "decided_at", "chosen_id", "event")
INSERT_BY_DIALECT: Mapping[str, Insert] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Effect(NamedTuple):
    """One row, and the table that it goes into."""

    table: Table
    row: Row

    def obstacle(self) -> str | None:
        """Return why PostgreSQL would refuse the row, or None.

        SQLite would take any text, but both must accept the same events.
        """
        for name, limit in _text_columns(self.table):
            value = self.row.get(name)
            if value is None:
                continue
            if limit is not None and len(value) > limit:
                return f"{name}: longer than {limit} characters"
            if "\x00" in value:
                return f"{name}: has a NUL"
        return None


@cache
def _text_columns(table: Table) -> tuple[tuple[str, int | None], ...]:
    """Return the columns of text, each with its longest length, or None where any is taken."""
    columns = ((column.name, column.type) for column in table.c)
    return tuple((name, kind.length) for name, kind in columns if isinstance(kind, String))


def effects_of(facts: Sequence[Published]) -> list[Effect]:
    """Return the effect of each event, in their order.

    Raises:
        Unstorable: some events have values that no column holds.
    """
    effects = [_effect(fact) for fact in facts]
    reasons = {index: why for index, effect in enumerate(effects) if (why := effect.obstacle())}
    if reasons:
        raise Unstorable(reasons)
    return effects


def apply_once(connection: Connection, source: str, effects: Sequence[Effect]) -> list[bool]:
    """Write inbox keys and effects; return for each event whether it was new."""
    new = _new_keys(connection, source, (effect.row["event_id"] for effect in effects))
    is_new: list[bool] = []
    rows: dict[Table, list[Row]] = defaultdict(list)
    for table, row in effects:
        is_new.append(row["event_id"] in new)
        if is_new[-1]:
            # The same event may stand twice in a batch: only its first place has the effect.
            new.remove(row["event_id"])
            rows[table].append(row)
    for table, group in rows.items():
        connection.execute(_insertion(connection.dialect.name, table), group)
    return is_new


def _new_keys(connection: Connection, source: str, event_ids: Iterable[str]) -> set[str]:
    """Insert the inbox keys and return the ids that were not there yet.

    They are inserted in order of the ids, so that two processes with the same events wait for each other and do not
    deadlock.
    """
    keys = [{"source": source, "event_id": event_id} for event_id in sorted(set(event_ids))]
    if not keys:
        return set()
    return set(connection.execute(_key_insertion(connection.dialect.name), keys).scalars())


@cache  # making a statement takes longer than a small transaction
def _key_insertion(dialect: str) -> Any:
    """Return the insert statement of inbox keys, which returns the ids that are new."""
    return INSERT_BY_DIALECT[dialect](INBOX).on_conflict_do_nothing().returning(INBOX.c.event_id)


@cache
def _insertion(dialect: str, table: Table) -> Any:
    """Return the insert statement of a table; of the decisions of one request the first made stands."""
    insertion = INSERT_BY_DIALECT[dialect](table)
    return keep_first_made(insertion, table, DECISION_COLUMNS, dialect) if table is DECISIONS else insertion


def _effect(fact: Published) -> Effect:
    match fact:
        case Signal():
            row = _columns(fact, "user_id", "type", "occurred_at")
            return Effect(SIGNALS, row | {"data": fact.data_json()})
        case Feedback():
            row = _columns(fact, "request_id", "candidate_id", "user_id", "reaction", "occurred_at")
            return Effect(REACTIONS, row)
        case DecisionSummary() | ScoreDecision():
            row = _columns(fact, "request_id", "user_id", "decided_at", "chosen_id")
            return Effect(DECISIONS, row | {"event": fact.encode().decode()})
        case GenerateDecision():
            row = _columns(fact, "request_id", "user_id", "decided_at", "prompt_version", "fallback", "latency_ms")
            return Effect(GENERATIONS, row | {"event": fact.encode().decode()})
        case Prediction():
            row = _columns(fact, "request_id", "role") | {"model_version": fact.model.version}
            return Effect(PREDICTIONS, row | {"event": fact.encode().decode()})
    raise TypeError(f"no effect is declared for {type(fact).__name__}")


def row_of(fact: Published) -> Row:
    """Return the row that an event has in its table: columns by name, with `event` itself as JSON."""
    return _effect(fact).row


def _columns(fact: Published, *names: str) -> Row:
    """Return the event's id and the named fields; instants in UTC, because SQLite stores them without a zone."""
    values = {name: getattr(fact, name) for name in ("event_id", *names)}
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in values.items()}
