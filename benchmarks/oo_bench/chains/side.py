"""One of what is compared: its name, how it is called, and the processes that it is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from oo_local.layout import Layout

from oo_bench.load import Caller

__all__ = ["Side", "VerificationFailed"]


class VerificationFailed(Exception):
    """A side answers something else than it should; the message says what."""


async def _nothing() -> None:
    """Wait for nothing."""


@dataclass(frozen=True, slots=True)
class Side:
    """A floor, a peer or ours.

    `connect` returns its caller for a number of candidates, after a first call whose answer was looked into. `settle`
    waits until the work that answers do not wait for is done, too. A whole stack has a layout: where its stores are.
    """

    name: str
    title: str
    connect: Callable[[int], Awaitable[Caller]]
    pids: Mapping[str, int] = field(default_factory=dict)
    in_process: bool = False
    settle: Callable[[], Awaitable[None]] = _nothing
    layout: Layout | None = None
