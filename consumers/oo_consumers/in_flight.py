"""Requests to NATS that wait for their answers together instead of one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from itertools import islice
from typing import Any, TypeVar

__all__ = ["AT_ONCE", "gather"]

T = TypeVar("T")

AT_ONCE = 50  # coroutines that run together: each may hold a message of the largest size


async def gather(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run coroutines, at most `AT_ONCE` together, and return their results in order; after an error none is started."""
    results: list[T] = []
    remaining = iter(work)
    while part := list(islice(remaining, AT_ONCE)):
        results += await asyncio.gather(*part)
    return results
