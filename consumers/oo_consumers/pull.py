"""Fetch, settle, again: one bounded loop for each durable, until told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import Header
from nats.js.errors import Error as JetStreamError
from oo_contracts.subjects import dead

from oo_consumers import metrics, streams
from oo_consumers.subscription import ACK_WAIT, DeadLetters, EffectStore, Message, Subscription, settle

__all__ = ["Consumer", "DeadLetterStream", "Delivered"]

log = logging.getLogger(__name__)

BATCH = 200  # messages in one transaction
WAIT = 0.5  # seconds a fetch waits when there is nothing; also how long a stop may have to wait
AGAIN = 1.0  # seconds before trying again after NATS went away
ACK = 5.0  # seconds for the server to confirm an acknowledgement
REASON = "Oo-Reason"
SUBJECT = "Oo-Subject"
TRUNCATED = "Oo-Truncated"  # how many bytes there were, when not all of them fit
HEADERS = 60_000  # bytes; JetStream takes no more than 64 KiB
LINE = 4  # ": " and the end of the line, for each header
AWAY = (nats.errors.Error, JetStreamError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Delivered:
    """nats-py's message behind our protocol."""

    raw: Msg

    @property
    def subject(self) -> str:
        return self.raw.subject

    @property
    def data(self) -> bytes:
        return self.raw.data

    @property
    def place(self) -> str:
        """Stream and sequence: the same for each delivery of this message."""
        return f"{self.raw.metadata.stream}:{self.raw.metadata.sequence.stream}"

    @property
    def deliveries(self) -> int:
        return int(self.raw.metadata.num_delivered or 1)

    @property
    def headers(self) -> Mapping[str, str]:
        return self.raw.headers or {}

    async def ack(self) -> None:
        """Wait for the server to confirm: only then is the message gone."""
        await self.raw.ack_sync(timeout=ACK)

    async def nak(self, delay: float) -> None:
        """Plain nak() would be redelivered at once, whatever the backoff says."""
        await self.raw.nak(delay=delay)


@dataclass(frozen=True, slots=True)
class DeadLetterStream:
    """`dlq.<durable>`: the message as it was, its headers, where it came from and why it is here."""

    js: JetStreamContext
    limit: Callable[[], int]  # bytes that one message may have; the server says so

    async def put(self, durable: str, message: Message, reason: str) -> None:
        """Once for each message, even when it is delivered again because its acknowledgement was lost."""
        ours = {SUBJECT: message.subject, REASON: reason, Header.MSG_ID.value: f"{durable}:{message.place}"}
        kept = {name: value for name, value in message.headers.items() if not name.startswith("Nats-")}
        headers, data = _fitted(kept, ours, message.data, self.limit())
        await self.js.publish(dead(durable), data, headers=headers)


def _fitted(kept: dict[str, str], ours: dict[str, str], data: bytes, limit: int) -> tuple[dict[str, str], bytes]:
    """Our headers come on top of what may fill a message already: what does not fit is cut, and that is said."""
    whole = {**kept, **ours}
    if _size(whole) <= HEADERS and _size(whole) + len(data) <= limit:
        return whole, data
    said = ours | {TRUNCATED: str(len(data))}
    headers = kept | said if _size(kept | said) <= min(HEADERS, limit) else said
    return headers, data[: max(0, limit - _size(headers))]


def _size(headers: Mapping[str, str]) -> int:
    return 32 + sum(len(name.encode()) + len(value.encode()) + LINE for name, value in headers.items())


@dataclass(frozen=True, slots=True)
class Consumer:
    """One durable of one process. Several processes may share a durable: the server deals the messages out."""

    connection: Client
    to: Subscription
    store: EffectStore
    stop: asyncio.Event
    replicas: int = 1
    ack_wait: float = ACK_WAIT

    async def run(self) -> None:
        """Until `stop`. NATS may go away and come back, with or without what it knew."""
        js = self.connection.jetstream(timeout=ACK)
        dead_letters: DeadLetters = DeadLetterStream(js, lambda: self.connection.max_payload)
        while not self.stop.is_set():
            try:
                await self._consume(js, dead_letters)
            except AWAY as error:
                log.warning("%s: NATS is away: %r", self.to.durable, error)
                await self._pause()
            except Exception:
                log.exception("%s: a bug of ours; starting over", self.to.durable)
                await self._pause()

    async def _consume(self, js: JetStreamContext, dead_letters: DeadLetters) -> None:
        """Make what is missing (idempotent), then fetch and settle."""
        await streams.ensure(js, self.replicas)
        await js.add_consumer(self.to.stream.name, self.to.config(self.ack_wait))
        subscription = await js.pull_subscribe_bind(self.to.durable, self.to.stream.name)
        try:
            while not self.stop.is_set():
                await self._batch(subscription, dead_letters)
        finally:
            if not self.connection.is_closed:
                await subscription.unsubscribe()

    async def _batch(self, subscription: JetStreamContext.PullSubscription, dead_letters: DeadLetters) -> None:
        try:
            messages = await subscription.fetch(BATCH, timeout=WAIT)
        except nats.errors.TimeoutError:
            messages = []
        await settle([Delivered(message) for message in messages], self.to, self.store, dead_letters)
        info = await subscription.consumer_info()
        metrics.LAG.labels(self.to.durable).set((info.num_pending or 0) + (info.num_ack_pending or 0))

    async def _pause(self) -> None:
        """Wait before trying again, but no longer than until we are told to stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), AGAIN)
