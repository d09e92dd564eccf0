"""Events read from bytes: bytes that are no event raise `Unreadable` with a reason in words, and nothing else."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar

from oo_contracts.events import Event
from pydantic import ValidationError

__all__ = ["SkippedEvents", "Unreadable", "read_event"]

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)


class Unreadable(Exception):
    """Bytes that are no event of their type, and never will be; the message says why, without their values."""


def read_event(kind: type[E], data: bytes | str, *, stored: bool = False) -> E:
    """Return the event in `data`.

    One that is `stored` was accepted by the rules of its day, and only has to be free of contradictions.

    Raises:
        Unreadable: the bytes are no event of this type.
    """
    try:
        parsed = kind.read_stored(data) if stored else kind.read(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise Unreadable(f"{where}: {first['msg']}") from None
    except (ArithmeticError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise Unreadable(f"body: {type(error).__name__}") from error  # a validator's fault, which no retry heals
    if stored and (why := parsed.contradiction()):
        raise Unreadable(why)
    return parsed


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
            return read_event(kind, data, stored=True)
        except Unreadable as error:
            self.add(table, key, str(error))
            return None

    def log_total(self) -> None:
        """Log for each table how many rows were skipped, when there was more than the one already logged."""
        for table, count in sorted(self.counts.items()):
            if count > 1:
                log.warning("%s: %d stored rows were left out in all", table, count)
