"""The client of every side that has an address: pooled connections, and a deadline for each call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from oo_serving.connection_pool import ConnectionPool
from oo_serving.upstream_connection import UpstreamResponse

from oo_bench.load import ANSWERED

__all__ = ["TIMEOUT_S", "HttpCaller", "Outcome", "predictions_outcome", "score_outcome"]

TIMEOUT_S = 10.0  # for one call; one that takes longer is missed
Outcome = Callable[[UpstreamResponse], str]


@dataclass(slots=True)
class HttpCaller:
    """One request, sent again and again; `outcome` says what an answer counts as."""

    pool: ConnectionPool
    path: str
    body: bytes
    outcome: Outcome

    async def call(self) -> str:
        """Make one call, and return how it ended."""
        try:
            response = await self.pool.post(self.path, self.body, (), TIMEOUT_S)
        except TimeoutError:
            return f"no answer in {TIMEOUT_S:g} s"
        except OSError as error:
            return type(error).__name__
        return self.outcome(response)

    async def open_connections(self, count: int) -> None:
        """Make so many calls at once, so that connections are open before anything is measured."""
        await asyncio.gather(*(self.call() for _ in range(count)))


def score_outcome(response: UpstreamResponse) -> str:
    """Return what an answer of `/score` counts as: one by the baseline is degraded, and missed."""
    if response.status == 200:
        return ANSWERED if b'"degraded":null' in response.body else "degraded"
    return "refused" if response.status == 503 else f"status {response.status}"


def predictions_outcome(response: UpstreamResponse) -> str:
    """Return what an answer of a peer counts as."""
    return ANSWERED if response.status == 200 else f"status {response.status}"
