"""This module makes ids that sort by time: UUIDv7 (RFC 9562, section 5.7), which Python has only from 3.14 on."""

from __future__ import annotations

import secrets
import time
import uuid

__all__ = ["uuid7"]


def uuid7() -> str:
    """Return a new id as text: 48 bits of Unix milliseconds, then random bits."""
    millis = time.time_ns() // 1_000_000
    bits = (millis << 80) | secrets.randbits(80)
    bits = bits & ~(0xF << 76) | (0x7 << 76)
    bits = bits & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=bits))
