"""This module bounds the instants of events, so that no arithmetic with them can overflow, and reads those of options.

"Never" is often written as 9999-12-31 and "unknown" as 0001-01-01. Either leaves the calendar when it
is moved into another zone or a waiting time is added. No event of this system happened before 2000,
and none is published before it happens.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field

__all__ = ["MAX_INSTANT", "MIN_INSTANT", "BadInstant", "Instant", "is_instant", "parse_instant"]

MIN_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)
MAX_INSTANT = datetime(2100, 1, 1, tzinfo=UTC)
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Instant = Annotated[
    AwareDatetime,
    Field(
        ge=MIN_INSTANT,
        lt=MAX_INSTANT,
        description="with an offset; from 2000-01-01T00:00:00Z on, and before 2100-01-01T00:00:00Z",
    ),
]


class BadInstant(ValueError):
    """A text that names no instant; the message shows what would."""


def is_instant(instant: datetime) -> bool:
    """Whether an aware instant is within the bounds; an older version may have stored one that is not."""
    return MIN_INSTANT <= instant < MAX_INSTANT


def parse_instant(text: str, now: datetime) -> datetime:
    """Return the instant in UTC that an option names: a day, an instant, or how long before `now`.

    A day or an instant without a zone is taken as UTC.

    Raises:
        BadInstant: it is none of them, or outside of the calendar.

    >>> now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    >>> str(parse_instant("7d", now)), str(parse_instant("2026-11-23T09:00:00+01:00", now))
    ('2026-11-16 09:00:00+00:00', '2026-11-23 08:00:00+00:00')
    """
    try:
        if match := re.fullmatch(r"(\d{1,6})([mhdw])", text):
            return now - timedelta(**{UNITS[match[2]]: int(match[1])})
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadInstant(f"{text} is not like 7d, 2026-11-23 or 2026-11-23T09:00:00+01:00") from None
