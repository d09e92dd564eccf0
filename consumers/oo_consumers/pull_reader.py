"""Batches of a durable's messages, with one turn of the loop for all that come together.

`fetch` of nats-py makes two tasks and a timer for each message. It also takes a header `Status` for a word of the
server's, whoever wrote it: one such event would stop its consumer for ever.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import Header, StatusCode
from nats.js.errors import APIError

__all__ = ["PullReader", "pull_reader"]

ACK_PREFIX = "$JS.ACK."  # of what the reply to an event goes to; a word of the server's wants no reply
GRACE_S = 0.25  # seconds for the server's word that the time of a request is up
ENDED = {StatusCode.NO_MESSAGES, StatusCode.REQUEST_TIMEOUT}
PASSING = {StatusCode.CONTROL_MESSAGE, StatusCode.CONFLICT}  # the request runs out of time, and the next tells more


@dataclass(slots=True)
class PullReader:
    """What has arrived of a durable, and how the request in hand went."""

    connection: Client
    subject: str
    inbox: str
    _arrived: list[Msg] = field(default_factory=list)
    _requests: int = 0
    _wanted: int = 0
    _error: Msg | None = None
    _done: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(self, limit: int, timeout_s: float) -> list[Msg]:
        """Return what there is, up to `limit` messages; where there is nothing, wait for the first up to `timeout_s`.

        Raises:
            nats.errors.Error: the server refuses, or the connection is closed.
        """
        if not self._arrived:  # some came after the time of their request
            await self._request(limit, timeout_s)
        batch, self._arrived = self._arrived[:limit], self._arrived[limit:]
        return batch

    async def _request(self, limit: int, timeout_s: float) -> None:
        self._requests += 1
        self._wanted = limit
        self._done.clear()
        request = {"batch": limit, "no_wait": True, "expires": int(timeout_s * 1e9)}
        await self.connection.publish(self.subject, json.dumps(request).encode(), f"{self.inbox}.{self._requests}")
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s + GRACE_S):
                await self._done.wait()
        if self._error is not None:
            error, self._error = self._error, None
            APIError.from_msg(error)

    async def receive(self, message: Msg) -> None:
        """Take in an event, or a word of the server's about a request."""
        if message.reply.startswith(ACK_PREFIX):
            self._arrived.append(message)
            if len(self._arrived) >= self._wanted:
                self._done.set()
        elif message.subject == f"{self.inbox}.{self._requests}":  # of an earlier request it is no news
            self._end((message.headers or {}).get(Header.STATUS, ""), message)

    def _end(self, status: str, message: Msg) -> None:
        if status in PASSING:
            return
        if status not in ENDED:
            self._error = message
        self._done.set()


@asynccontextmanager
async def pull_reader(connection: Client, stream: str, durable: str) -> AsyncIterator[PullReader]:
    """Give a reader of a durable that exists."""
    inbox = connection.new_inbox()
    reader = PullReader(connection, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", inbox)
    subscription = await connection.subscribe(f"{inbox}.*", cb=reader.receive)
    try:
        yield reader
    finally:
        if not connection.is_closed:
            await subscription.unsubscribe()
