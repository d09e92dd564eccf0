"""What each kind of event does to the database, in the transaction that also writes its inbox key."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from oo_contracts.events import Event, Feedback, GenerateDecision, Prediction, ScoreDecision, Signal
from sqlalchemy import Connection, Table, case
from sqlalchemy.dialects import postgresql, sqlite

from oo_consumers.schema import DECISIONS, GENERATIONS, INBOX, PREDICTIONS, REACTIONS, SIGNALS

__all__ = ["each_once"]

Insert = Callable[[Table], Any]
Row = dict[str, Any]

DECIDED = ("event_id", "user_id", "decided_at", "chosen", "event")
INSERT: Mapping[str, Insert] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def each_once(connection: Connection, source: str, facts: Sequence[Event]) -> list[bool]:
    """The inbox keys and the effects; False for each event whose key was already there."""
    insert = INSERT[connection.dialect.name]
    new = _new_keys(connection, insert, source, facts)
    outcome: list[bool] = []
    rows: dict[Table, list[Row]] = defaultdict(list)
    for fact in facts:
        outcome.append(fact.event_id in new)
        if outcome[-1]:
            new.remove(fact.event_id)
            table, row = _effect(fact)
            rows[table].append(row)
    for table, group in rows.items():
        connection.execute(_insertion(insert, table), group)
    return outcome


def _new_keys(connection: Connection, insert: Insert, source: str, facts: Sequence[Event]) -> set[str]:
    """In order of the ids, so that two processes with the same events wait for each other and do not deadlock."""
    keys = [{"source": source, "event_id": event_id} for event_id in sorted({fact.event_id for fact in facts})]
    if not keys:
        return set()
    statement = insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.event_id)
    return set(connection.execute(statement, keys).scalars())


def _insertion(insert: Insert, table: Table) -> Any:
    """Of the decisions of one request (a retry that was answered twice) the first made stands; the others are counted.

    The first made, not the first to arrive: event ids grow with time, so the order of arrival does not matter.
    """
    if table is not DECISIONS:
        return insert(table)
    statement = insert(table)
    earlier = statement.excluded.event_id < DECISIONS.c.event_id
    columns = {name: case((earlier, statement.excluded[name]), else_=DECISIONS.c[name]) for name in DECIDED}
    again = columns | {"repeats": DECISIONS.c.repeats + 1}
    return statement.on_conflict_do_update(index_elements=["request_id"], set_=again)


def _effect(fact: Event) -> tuple[Table, Row]:
    match fact:
        case Signal():
            return SIGNALS, _columns(fact, "user_id", "type", "occurred_at") | {"data": _json(fact.data)}
        case Feedback():
            return REACTIONS, _columns(fact, "request_id", "candidate_id", "user_id", "reaction", "occurred_at")
        case ScoreDecision():
            row = _columns(fact, "request_id", "user_id", "decided_at", "chosen")
            return DECISIONS, row | {"event": fact.model_dump_json()}
        case GenerateDecision():
            row = _columns(fact, "request_id", "user_id", "decided_at", "prompt_version", "fallback", "latency_ms")
            return GENERATIONS, row | {"event": fact.model_dump_json()}
        case Prediction():
            row = _columns(fact, "request_id", "role") | {"model_version": fact.model.version}
            return PREDICTIONS, row | {"event": fact.model_dump_json()}
    raise TypeError(f"no effect is declared for {type(fact).__name__}")


def _columns(fact: Event, *names: str) -> Row:
    """The event's id and the fields that are columns; instants in UTC, which SQLite stores without a zone."""
    found = {name: getattr(fact, name) for name in ("event_id", *names)}
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in found.items()}


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), sort_keys=True)
