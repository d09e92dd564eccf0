"""This module is a bounded queue in which no sender can push out others.

When it is full, the largest sender is refused.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["FairQueue", "PendingMessage"]

MIN_STALE = 1_000  # outdated entries that the heap may have before it is rebuilt
Rank = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """An event as it will be sent; `sender` is the one whose share of the queue it takes."""

    subject: str
    event_id: str
    data: bytes
    sender: str = ""


@dataclass(slots=True)
class SenderShare:
    """The part of the queue that one sender has: its messages' numbers, oldest first, and their bytes."""

    numbers: deque[int] = field(default_factory=deque)
    size: int = 0


def _count(share: SenderShare) -> int:
    return len(share.numbers)


def _bytes(share: SenderShare) -> int:
    return share.size


@dataclass(slots=True)
class LargestShare:
    """The largest of the shares by a measure, found with a heap in which shares that shrank stand too far in front."""

    measure: Callable[[SenderShare], int]
    shares: Mapping[str, SenderShare]
    _ranks: list[Rank] = field(default_factory=list)

    def grow(self, sender: str) -> None:
        """Note that a sender's share has grown."""
        heapq.heappush(self._ranks, self._rank(sender))
        if len(self._ranks) > 2 * len(self.shares) + MIN_STALE:
            self._ranks = list(map(self._rank, self.shares))
            heapq.heapify(self._ranks)

    def sender(self) -> str:
        """Return the sender of the largest share.

        Entries of shares that shrank are corrected when they come to the top.
        """
        while True:
            *_, sender = self._ranks[0]
            if sender not in self.shares:
                heapq.heappop(self._ranks)
            elif self._rank(sender) != self._ranks[0]:
                heapq.heapreplace(self._ranks, self._rank(sender))
            else:
                return sender

    def _rank(self, sender: str) -> Rank:
        """Return the sort key of a share: the largest comes first, and of equal ones the one that grew last."""
        share = self.shares[sender]
        return -self.measure(share), -share.numbers[-1], sender


@dataclass(slots=True)
class FairQueue:
    """A first-in, first-out queue of at most `capacity` messages, of at most `max_bytes` together.

    While there are too many messages, the newest one of the sender with the most messages is refused; while there are
    too many bytes, that of the sender with the most bytes, which may be the new one. The two do not mix: under many
    names a caller may send many small messages, and they must not push out somebody's only, larger one.
    """

    capacity: int
    max_bytes: int
    size: int = 0
    _messages: OrderedDict[int, PendingMessage] = field(default_factory=OrderedDict)
    _shares: dict[str, SenderShare] = field(default_factory=dict)
    _first: int = 0
    _next: int = 0
    _most: LargestShare = field(init=False)
    _heaviest: LargestShare = field(init=False)

    def __post_init__(self) -> None:
        self._most, self._heaviest = LargestShare(_count, self._shares), LargestShare(_bytes, self._shares)

    def __len__(self) -> int:
        return len(self._messages)

    def append(self, message: PendingMessage) -> list[PendingMessage]:
        """Put a message at the end, and return the messages that are refused to make room."""
        self._messages[self._next] = message
        share = self._shares.setdefault(message.sender, SenderShare())
        share.numbers.append(self._next)
        self._next += 1
        self._grow(message, share)
        refused = []
        while largest := self._over():
            refused.append(self._take(self._shares[largest.sender()].numbers[-1]))
        return refused

    def popleft(self) -> PendingMessage:
        """Remove and return the oldest message."""
        return self._take(next(iter(self._messages)))

    def restore(self, messages: Iterable[PendingMessage]) -> None:
        """Put messages that were removed back to the front, in their order."""
        for message in reversed(list(messages)):
            self._first -= 1
            self._messages[self._first] = message
            self._messages.move_to_end(self._first, last=False)
            share = self._shares.setdefault(message.sender, SenderShare())
            share.numbers.appendleft(self._first)
            self._grow(message, share)

    def _over(self) -> LargestShare | None:
        """Return the measure by which the queue is over its limits, or None."""
        if len(self._messages) > self.capacity:
            return self._most
        return self._heaviest if self.size > self.max_bytes else None

    def _grow(self, message: PendingMessage, share: SenderShare) -> None:
        share.size += len(message.data)
        self.size += len(message.data)
        self._most.grow(message.sender)
        self._heaviest.grow(message.sender)

    def _take(self, number: int) -> PendingMessage:
        """Remove and return a message that is its sender's oldest or newest."""
        message = self._messages.pop(number)
        share = self._shares[message.sender]
        share.numbers.popleft() if share.numbers[0] == number else share.numbers.pop()
        share.size -= len(message.data)
        self.size -= len(message.data)
        if not share.numbers:
            del self._shares[message.sender]
        return message
