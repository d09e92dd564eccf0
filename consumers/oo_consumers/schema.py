"""The effect store's tables, in one definition for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

__all__ = [
    "DECISIONS",
    "GENERATIONS",
    "INBOX",
    "METADATA",
    "MIGRATIONS",
    "PREDICTIONS",
    "REACTIONS",
    "SIGNALS",
    "VERSION",
    "VERSIONS",
]

METADATA = MetaData()
VERSION = 2  # the tables' version; a store refuses a database that a newer program made

# The statements that bring the tables of one version to the next, by the version that they lead to.
MIGRATIONS = {2: ("alter table decisions rename column chosen to chosen_id",)}

VERSIONS = Table("schema_versions", METADATA, Column("version", Integer, primary_key=True, autoincrement=False))
INBOX = Table(
    "inbox",
    METADATA,
    Column("source", String(32), primary_key=True),
    Column("event_id", String(128), primary_key=True),
)
SIGNALS = Table(
    "signals",
    METADATA,
    Column("event_id", String(128), primary_key=True),
    Column("user_id", String(128), nullable=False),
    Column("type", String(64), nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("data", Text, nullable=False),
    Index("signals_by_user", "user_id", "occurred_at"),
)
REACTIONS = Table(
    "reactions",
    METADATA,
    Column("event_id", String(128), primary_key=True),
    Column("request_id", String(128), nullable=False),
    Column("candidate_id", String(128), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("reaction", String(32), nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Index("reactions_by_request", "request_id"),
)
DECISIONS = Table(
    "decisions",
    METADATA,
    Column("request_id", String(128), primary_key=True),
    Column("event_id", String(128), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("chosen_id", String(128)),
    Column("event", Text, nullable=False),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Index("decisions_by_time", "decided_at", "request_id"),
)
GENERATIONS = Table(
    "generations",
    METADATA,
    Column("event_id", String(128), primary_key=True),
    Column("request_id", String(128), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("prompt_version", String(128), nullable=False),
    Column("fallback", String(32)),
    Column("latency_ms", Float, nullable=False),
    Column("event", Text, nullable=False),
    Index("generations_by_prompt", "prompt_version", "decided_at"),
    Index("generations_by_request", "request_id"),
)
PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("event_id", String(128), primary_key=True),
    Column("request_id", String(128), nullable=False),
    Column("role", String(8), nullable=False),
    Column("model_version", String(64), nullable=False),
    Column("event", Text, nullable=False),
    Index("predictions_by_request", "request_id", "role"),
)
