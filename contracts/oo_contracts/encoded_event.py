"""This module says what an outbox takes: an event, or what holds one that is encoded already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["EncodedEvent", "Publishable"]


class Publishable(Protocol):
    """An event, or what holds one that is encoded already."""

    @property
    def event_id(self) -> str:
        """The id that JetStream knows a repetition by."""

    def encode(self) -> bytes:
        """Return its JSON."""


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """The id of an event, which JetStream knows a repetition by, and its bytes."""

    event_id: str
    encoded: bytes

    def encode(self) -> bytes:
        """Return the bytes."""
        return self.encoded
