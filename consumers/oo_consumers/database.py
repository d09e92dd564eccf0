"""Connections, transactions and tables, on SQLite and on PostgreSQL.

What may go wrong
StoreError           this event, this URL or these tables are refused: trying again changes nothing
└── Unavailable      anything about the database itself: away, locked, full, read-only, tables gone
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from oo_consumers.schema import METADATA, VERSION, VERSIONS

__all__ = ["StoreError", "Unavailable", "engine", "make_tables", "transact"]

T = TypeVar("T")

PATIENCE = 5  # seconds for a connection, and for a lock that somebody else holds
AGAIN = 0.01  # seconds between attempts to switch a new file to WAL
DRIVERS = ("sqlite", "postgresql+psycopg")
POSTGRESQL = {
    "connect_timeout": PATIENCE,
    "tcp_user_timeout": PATIENCE * 1000,
    "options": f"-c lock_timeout={PATIENCE}s",
}


class StoreError(Exception):
    """The store could not do it; subclassed by what may pass by itself."""


class Unavailable(StoreError):
    """The database cannot do it now: the event has to come again."""


def engine(url: str) -> Engine:
    """An engine that never waits without end; connects when first used. What the URL itself says wins."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("the store's URL is none: sqlite:///file or postgresql+psycopg://host/name") from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in DRIVERS:
        raise StoreError(f"the store's URL must start with one of {', '.join(DRIVERS)}, not {parsed.drivername}")
    if parsed.drivername == "sqlite":
        made = create_engine(parsed, connect_args={"timeout": PATIENCE})
        event.listen(made, "connect", _prepare_sqlite)
        return made
    ours = {name: value for name, value in POSTGRESQL.items() if name not in parsed.query}
    return create_engine(parsed, pool_pre_ping=True, connect_args=ours)


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """All of the work or none of it.

    Raises:
        StoreError: the values are at fault; `Unavailable` when the database is.
    """
    try:
        with engine.begin() as connection:
            return work(connection)
    except (DataError, IntegrityError) as error:
        raise StoreError(_said(error)) from error
    except DBAPIError as error:
        raise Unavailable(_said(error)) from error
    except PoolExhausted as error:
        raise Unavailable("every connection is in use") from error
    except SQLAlchemyError as error:
        raise StoreError(type(error).__name__) from error


def make_tables(connection: Connection) -> None:
    """Two processes may start at once: PostgreSQL takes turns here, SQLite locks the file."""
    turn = {"postgresql": "select pg_advisory_xact_lock(7061)", "sqlite": "begin immediate"}
    connection.execute(text(turn[connection.dialect.name]))
    METADATA.create_all(connection)
    for index in (item for table in METADATA.sorted_tables for item in table.indexes):
        index.create(connection, checkfirst=True)  # of a table that is older than the index
    found = connection.execute(select(func.max(VERSIONS.c.version))).scalar()
    if found is None:
        connection.execute(VERSIONS.insert().values(version=VERSION))
    elif found > VERSION:
        raise StoreError(f"the tables are of version {found}; this program knows {VERSION}")


def _said(error: DBAPIError) -> str:
    """The driver's first line: the next ones may repeat a row's values."""
    return f"{type(error.orig).__name__}: {str(error.orig).partition(chr(10))[0]}"


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Readers do not wait for the writer; a writer waits for another; a commit survives a crash of the process."""
    _switch_to_wal(connection, time.monotonic() + PATIENCE)
    connection.execute("pragma synchronous=normal")


def _switch_to_wal(connection: sqlite3.Connection, end: float) -> None:
    """The first switch of a file fails at once, whatever the timeout, when somebody else does the same."""
    while True:
        try:
            connection.execute("pragma journal_mode=wal")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(AGAIN)
        else:
            return
