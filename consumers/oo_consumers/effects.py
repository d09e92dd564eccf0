"""What each kind of event does to the database, in the transaction that also writes its inbox key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from oo_contracts.events import Event, Feedback, GenerateDecision, Prediction, ScoreDecision, Signal
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from oo_consumers.schema import DECISIONS, GENERATIONS, INBOX, PREDICTIONS, REACTIONS, SIGNALS

__all__ = ["once"]

INSERT: Mapping[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def once(connection: Connection, source: str, fact: Event) -> bool:
    """The inbox key and the effect; False when the key was already there."""
    insert = INSERT[connection.dialect.name]
    key = insert(INBOX).values(source=source, event_id=fact.event_id).on_conflict_do_nothing()
    if connection.execute(key.returning(INBOX.c.event_id)).first() is None:
        return False
    connection.execute(_effect(insert, fact))
    return True


def _effect(insert: Callable[[Table], Any], fact: Event) -> Any:
    match fact:
        case Signal():
            return insert(SIGNALS).values(**_columns(fact, "user_id", "type", "occurred_at"), data=_json(fact.data))
        case Feedback():
            row = _columns(fact, "request_id", "candidate_id", "user_id", "reaction", "occurred_at")
            return insert(REACTIONS).values(**row)
        case ScoreDecision():
            return _decision(insert, fact)
        case GenerateDecision():
            row = _columns(fact, "request_id", "user_id", "decided_at", "prompt_version", "fallback", "latency_ms")
            return insert(GENERATIONS).values(**row)
        case Prediction():
            row = _columns(fact, "request_id", "role") | {"model_version": fact.model.version}
            return insert(PREDICTIONS).values(**row, event=fact.model_dump_json())
    raise TypeError(f"no effect is declared for {type(fact).__name__}")


def _decision(insert: Callable[[Table], Any], fact: ScoreDecision) -> Any:
    """The first decision of a request stands; a repeated one (a retry that was answered twice) is counted."""
    row = _columns(fact, "request_id", "user_id", "decided_at", "chosen") | {"event": fact.model_dump_json()}
    again = {"repeats": DECISIONS.c.repeats + 1}
    return insert(DECISIONS).values(**row).on_conflict_do_update(index_elements=["request_id"], set_=again)


def _columns(fact: Event, *names: str) -> dict[str, Any]:
    """The event's id and the fields that are columns; instants in UTC, which SQLite stores without a zone."""
    found = {name: getattr(fact, name) for name in ("event_id", *names)}
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in found.items()}


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), sort_keys=True)
