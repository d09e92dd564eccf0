"""The digest of the profile contract: what the recommender and we have to agree on, as one number to compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from oo_features.profile_schema import PROFILE_FEATURES

__all__ = ["Promise", "contract_digest", "mirror"]

Promise = tuple[str, int, str | None]  # name, ttlSec, dtype; None where a registry declares no dtype


def contract_digest(promises: Iterable[Promise]) -> str:
    """SHA-256 over the promises, whatever order they are declared in.

    >>> contract_digest([("a", 60, "int"), ("b", 5, None)]) == contract_digest([("b", 5, None), ("a", 60, "int")])
    True
    """
    listed = sorted(promises, key=lambda promise: promise[0])
    return hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()


def mirror() -> tuple[Promise, ...]:
    """What our mirror promises."""
    return tuple((item.name, int(item.ttl.total_seconds()), item.dtype) for item in PROFILE_FEATURES if item.ttl)
