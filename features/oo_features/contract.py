"""This module computes the digest of the profile contract, which the recommender compares with its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from oo_features.profile_schema import PROFILE_FEATURES

__all__ = ["Promise", "contract_digest", "profile_promises"]

Promise = tuple[str, int, str | None]  # name, ttlSec, dtype; None where a registry declares no dtype


def contract_digest(promises: Iterable[Promise]) -> str:
    """Return the SHA-256 over the promises, in hexadecimal, independent of the order in which they are declared.

    >>> contract_digest([("a", 60, "int"), ("b", 5, None)]) == contract_digest([("b", 5, None), ("a", 60, "int")])
    True
    """
    listed = sorted(promises, key=lambda promise: promise[0])
    return hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()


def profile_promises() -> tuple[Promise, ...]:
    """Return the name, TTL in seconds and dtype that our mirror declares for each profile feature with a TTL."""
    return tuple((item.name, int(item.ttl.total_seconds()), item.dtype) for item in PROFILE_FEATURES if item.ttl)
