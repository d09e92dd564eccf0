"""Events read from bytes: bytes that are no event raise `Unreadable` with a reason in words, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

from oo_contracts.events import Event
from pydantic import ValidationError

from oo_consumers.in_flight import AT_ONCE

__all__ = ["Published", "SkippedEvents", "Unreadable", "read_batch", "read_event", "read_stored_event"]

log = logging.getLogger(__name__)


class Published(Protocol):
    """An event, or what its readers keep of one."""

    @property
    def event_id(self) -> str:
        """The id that its producer made."""

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Return it from an event as it was published; pydantic refuses what is none."""


E = TypeVar("E", bound=Event)
P = TypeVar("P", bound=Published)
D = TypeVar("D")
R = TypeVar("R")
M = TypeVar("M")


class Unreadable(Exception):
    """Bytes that are no event of their type, and never will be; the message says why, without their values."""


def read_event(kind: type[P], data: bytes) -> P:
    """Return what was published.

    Raises:
        Unreadable: the bytes are no event of this type.
    """
    return _read(kind.read, data)


def read_stored_event(kind: type[E], data: bytes | str) -> E:
    """Return an event that was accepted by the rules of its day, and only has to be free of contradictions.

    Raises:
        Unreadable: it is no event of this type, or contradicts itself.
    """
    event = _read(kind.read_stored, data)
    if why := event.contradiction():
        raise Unreadable(why)
    return event


def _read(read: Callable[[D], R], data: D) -> R:
    try:
        return read(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise Unreadable(f"{where}: {first['msg']}") from None
    except (ArithmeticError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise Unreadable(f"body: {type(error).__name__}") from error  # a validator's fault, which no retry heals


async def read_batch(messages: Sequence[M], read: Callable[[M], R]) -> tuple[list[tuple[M, R]], list[tuple[M, str]]]:
    """Return what can be read of messages with its message, and the others with the reason.

    Every now and then other readers and probes have the loop.
    """
    readable: list[tuple[M, R]] = []
    unreadable: list[tuple[M, str]] = []
    for index, message in enumerate(messages):
        if index % AT_ONCE == 0:
            await asyncio.sleep(0)
        try:
            readable.append((message, read(message)))
        except (Unreadable, UnicodeDecodeError) as error:  # and it will never become readable
            unreadable.append((message, f"unreadable: {error}"))
    return readable, unreadable


@dataclass(slots=True)
class SkippedEvents:
    """Stored events that a reader left out because nothing can be done with them, counted by table."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, table: str, key: str, why: str) -> None:
        """Count a skipped row; the first of each table is logged with its reason."""
        self.counts[table] += 1
        if self.counts[table] == 1:
            log.warning("%s: %s is stored, and left out: %s", table, key, why)

    def read(self, kind: type[E], table: str, key: str, data: str) -> E | None:
        """Return a stored event, or None when it has to be skipped."""
        try:
            return read_stored_event(kind, data)
        except Unreadable as error:
            self.add(table, key, str(error))
            return None

    def log_total(self) -> None:
        """Log for each table how many rows were skipped, when there was more than the one already logged."""
        for table, count in sorted(self.counts.items()):
            if count > 1:
                log.warning("%s: %d stored rows were left out in all", table, count)
