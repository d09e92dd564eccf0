"""Fetch, settle, again: one bounded loop for each durable, until told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from oo_contracts.subjects import dead

from oo_consumers import metrics
from oo_consumers.subscription import DeadLetters, EffectStore, Message, Subscription, settle

__all__ = ["Consumer", "DeadLetterStream", "Delivered"]

log = logging.getLogger(__name__)

BATCH = 200  # messages in one transaction
WAIT = 1.0  # seconds a fetch waits when there is nothing; also how long a stop may have to wait
AGAIN = 1.0  # seconds before trying again after NATS went away
ACK = 5.0  # seconds for the server to confirm an acknowledgement
REASON = "Oo-Reason"
SUBJECT = "Oo-Subject"
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

    async def put(self, durable: str, message: Message, reason: str) -> None:
        kept = {name: value for name, value in message.headers.items() if not name.startswith("Nats-")}
        headers = {**kept, SUBJECT: message.subject, REASON: reason.replace("\n", " ")[:500]}
        await self.js.publish(dead(durable), message.data, headers=headers)


@dataclass(frozen=True, slots=True)
class Consumer:
    """One durable of one process. Several processes may share a durable: the server deals the messages out."""

    connection: Client
    to: Subscription
    store: EffectStore
    stop: asyncio.Event

    async def run(self) -> None:
        """Until `stop`. NATS may go away and come back."""
        js = self.connection.jetstream(timeout=ACK)
        dead_letters: DeadLetters = DeadLetterStream(js)
        while not self.stop.is_set():
            try:
                await self._consume(js, dead_letters)
            except AWAY as error:
                log.warning("%s: NATS is away: %r", self.to.durable, error)
                await asyncio.sleep(AGAIN)

    async def _consume(self, js: JetStreamContext, dead_letters: DeadLetters) -> None:
        subscription = await js.pull_subscribe(
            self.to.stream.subjects, durable=self.to.durable, stream=self.to.stream.name, config=self.to.config()
        )
        while not self.stop.is_set():
            try:
                messages = await subscription.fetch(BATCH, timeout=WAIT)
            except nats.errors.TimeoutError:
                messages = []
            await settle([Delivered(message) for message in messages], self.to, self.store, dead_letters)
            if len(messages) < BATCH:
                info = await subscription.consumer_info()
                metrics.LAG.labels(self.to.durable).set((info.num_pending or 0) + (info.num_ack_pending or 0))
