"""This module holds an event that is encoded already, as an outbox takes it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EncodedEvent"]


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """The id of an event, which JetStream knows a repetition by, and its bytes."""

    event_id: str
    encoded: bytes

    def encode(self) -> bytes:
        """Return the bytes."""
        return self.encoded
