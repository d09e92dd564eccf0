"""Connections, transactions and tables, on SQLite and on PostgreSQL.

What may go wrong
StoreError           this event, this URL or these tables are refused: trying again changes nothing
├── Unstorable       values that no column holds, known before the database is asked
└── StoreUnavailable anything about the database itself: away, locked, full, read-only, tables gone
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from oo_consumers.schema import DECISIONS, METADATA, MIGRATIONS, VERSION, VERSIONS

__all__ = ["StoreError", "StoreUnavailable", "Unstorable", "engine", "make_tables", "transact"]

T = TypeVar("T")

TIMEOUT_S = 5  # seconds for a connection, and for a lock that somebody else holds
RETRY_DELAY_S = 0.01  # seconds between attempts to switch a new file to WAL
DRIVERS = ("sqlite", "postgresql+psycopg")
POSTGRESQL = {
    "connect_timeout": TIMEOUT_S,
    "tcp_user_timeout": TIMEOUT_S * 1000,
    "options": f"-c lock_timeout={TIMEOUT_S}s -c timezone=UTC",  # in another zone the last year's end is not read
}


class StoreError(Exception):
    """The store could not do it; the subclasses say what may pass by itself."""


class Unstorable(StoreError):
    """Some events of a batch have values that no column holds; nothing was written.

    `reasons` has why, by the event's index in the batch.
    """

    def __init__(self, reasons: Mapping[int, str]) -> None:
        super().__init__("; ".join(sorted(set(reasons.values()))))
        self.reasons = reasons


class StoreUnavailable(StoreError):
    """The database cannot do it now: the event has to come again."""


def engine(url: str) -> Engine:
    """Return an engine that never waits without end and connects when it is first used.

    What the URL itself says about timeouts overrides the defaults.

    Raises:
        StoreError: it is not a URL of SQLite or PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("the store's URL is none: sqlite:///file or postgresql+psycopg://host/name") from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in DRIVERS:
        raise StoreError(f"the store's URL must start with one of {', '.join(DRIVERS)}, not {parsed.drivername}")
    if parsed.drivername == "sqlite":
        sqlite_engine = create_engine(parsed, connect_args={"timeout": TIMEOUT_S})
        event.listen(sqlite_engine, "connect", _prepare_sqlite)
        return sqlite_engine
    defaults = {name: value for name, value in POSTGRESQL.items() if name not in parsed.query}
    return create_engine(parsed, pool_pre_ping=True, connect_args=defaults)


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Do all of the work in one transaction, or none of it.

    Raises:
        StoreError: the values are at fault.
        StoreUnavailable: the database is.
    """
    try:
        with engine.begin() as connection:
            return work(connection)
    except (DataError, IntegrityError) as error:
        raise StoreError(_first_line(error)) from error
    except DBAPIError as error:
        raise StoreUnavailable(_first_line(error)) from error
    except PoolExhausted as error:
        raise StoreUnavailable("every connection is in use") from error
    except SQLAlchemyError as error:
        raise StoreError(type(error).__name__) from error


def make_tables(connection: Connection) -> None:
    """Bring older tables to this version, make the tables and indexes that are missing, and record the version.

    Two processes may start at once: PostgreSQL makes them take turns by an advisory lock, SQLite locks the file.

    Raises:
        StoreError: a newer program made the tables.
    """
    turn = {"postgresql": "select pg_advisory_xact_lock(7061)", "sqlite": "begin immediate"}
    connection.execute(text(turn[connection.dialect.name]))
    version = _version(connection)
    if version > VERSION:
        raise StoreError(f"the tables are of version {version}; this program knows {VERSION}")
    for statement in (item for number in range(version + 1, VERSION + 1) for item in MIGRATIONS[number]):
        connection.execute(text(statement))
    METADATA.create_all(connection)
    for index in (item for table in METADATA.sorted_tables for item in table.indexes):
        index.create(connection, checkfirst=True)  # of a table that is older than the index
    if _newest(connection) != VERSION:
        connection.execute(VERSIONS.insert().values(version=VERSION))


def _version(connection: Connection) -> int:
    """Return the version of the tables; an empty database is of the present one, and the first tables named none."""
    if not inspect(connection).has_table(DECISIONS.name):
        return VERSION
    return _newest(connection) or 1


def _newest(connection: Connection) -> int | None:
    VERSIONS.create(connection, checkfirst=True)
    return connection.execute(select(func.max(VERSIONS.c.version))).scalar()


def _first_line(error: DBAPIError) -> str:
    """Return the driver's first line; the next ones may repeat a row's values, which are no text for a log."""
    return f"{type(error.orig).__name__}: {str(error.orig).partition(chr(10))[0]}"


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Configure a new connection: readers do not wait for the writer, and a commit survives a crash of the process."""
    _switch_to_wal(connection, time.monotonic() + TIMEOUT_S)
    connection.execute("pragma synchronous=normal")


def _switch_to_wal(connection: sqlite3.Connection, end: float) -> None:
    """Switch to WAL, trying until `end`: a file's first switch fails at once, whatever the timeout, in a race."""
    while True:
        try:
            connection.execute("pragma journal_mode=wal")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(RETRY_DELAY_S)
        else:
            return
