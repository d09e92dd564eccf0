"""Which decision of a request stands, where a call was made again and so was decided more than once.

The first made stands, whichever arrived first. The rule in SQL, for the effect store and the offline log, is in
`oo_consumers.standing_sql`; a test holds both to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from operator import attrgetter
from typing import TypeVar

from oo_contracts.events import Event

__all__ = ["FIRST_MADE_COLUMN", "first_made_by", "in_order_made"]

E = TypeVar("E", bound=Event)
K = TypeVar("K", bound=Hashable)

# The first made has the least value of this field, compared byte by byte. Event ids that we make grow with time
# (UUIDv7), and, unlike the order of arrival, they are the same for every reader, in every log and after every repeat.
FIRST_MADE_COLUMN = "event_id"
# Python compares text by code points, which is the order of its bytes in UTF-8, by which databases compare.
made = attrgetter(FIRST_MADE_COLUMN)


def in_order_made(events: Iterable[E]) -> list[E]:
    """Return the events, first made first."""
    return sorted(events, key=made)


def first_made_by(key: Callable[[E], K], events: Iterable[E]) -> dict[K, E]:
    """Return the first made event of each key, in whatever order the events come."""
    first: dict[K, E] = {}
    for event in events:
        known = first.setdefault(key(event), event)
        if made(event) < made(known):
            first[key(event)] = event
    return first
