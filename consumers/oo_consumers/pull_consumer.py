"""One bounded loop for each durable: fetch a batch, settle it, and again, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from oo_consumers import metrics, streams
from oo_consumers.dead_letter_stream import DeadLetterStream
from oo_consumers.progress import ReaderProgress
from oo_consumers.pull_reader import PullReader, pull_reader
from oo_consumers.subscription import ACK_WAIT_S, DeadLetterSink, EffectStore, Subscription, settle

__all__ = ["Consumer", "JetStreamMessage"]

log = logging.getLogger(__name__)

MAX_BATCH = 500  # messages in one transaction
FETCH_TIMEOUT_S = 0.5  # seconds a fetch waits when there is nothing; also how long a stop may have to wait
RETRY_DELAY_S = 1.0  # seconds before trying again after NATS went away
REQUEST_TIMEOUT_S = 5.0  # seconds for JetStream to answer a request
LAG_INTERVAL_S = 1.0  # seconds between two questions for the lag
NATS_ERRORS = (nats.errors.Error, JetStreamError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class JetStreamMessage:
    """A message of nats-py behind the protocol `StreamMessage`."""

    raw: Msg

    @property
    def subject(self) -> str:
        """The subject that the message was published to."""
        return self.raw.subject

    @property
    def data(self) -> bytes:
        """The message's body."""
        return self.raw.data

    @property
    def stream_position(self) -> str:
        """The stream's name and the message's sequence: the same for each delivery of this message."""
        return f"{self.raw.metadata.stream}:{self.raw.metadata.sequence.stream}"

    @property
    def deliveries(self) -> int:
        """How often the server has delivered the message, at least 1."""
        return int(self.raw.metadata.num_delivered or 1)

    @property
    def headers(self) -> Mapping[str, str]:
        """The message's headers, empty when it has none."""
        return self.raw.headers or {}

    async def ack(self) -> None:
        """Acknowledge without waiting for the server.

        An acknowledgement that is lost brings the message again, and its inbox key makes that harmless.
        """
        await self.raw.ack()

    async def nak(self, delay: float) -> None:
        """Ask for the message again after `delay` seconds.

        Without a delay the server would deliver it again at once, whatever the backoff says.
        """
        await self.raw.nak(delay=delay)


@dataclass(slots=True)
class Consumer:
    """One durable of one process; several processes may share it, since the server distributes the messages.

    `linger_s` is how long, in seconds, events may wait for others of their transaction.
    """

    connection: Client
    subscription: Subscription
    store: EffectStore
    stop: asyncio.Event
    replicas: int = 1
    ack_wait: float = ACK_WAIT_S
    linger_s: float = 0.05
    progress: ReaderProgress = field(default_factory=ReaderProgress)
    _lag_due: float = 0.0  # of the loop's clock

    async def run(self) -> None:
        """Consume until `stop` is set; NATS may go away and come back, with or without what it stored."""
        js = self.connection.jetstream(timeout=REQUEST_TIMEOUT_S)
        dead_letters: DeadLetterSink = DeadLetterStream(js, lambda: self.connection.max_payload)
        while not self.stop.is_set():
            try:
                await self._consume(js, dead_letters)
            except NATS_ERRORS as error:
                log.warning("%s: NATS is away: %r", self.subscription.durable, error)
                await self._pause(f"NATS is away ({type(error).__name__})")
            except Exception as error:
                log.exception("%s: a bug of ours; starting over", self.subscription.durable)
                await self._pause(type(error).__name__)

    async def _consume(self, js: JetStreamContext, dead_letters: DeadLetterSink) -> None:
        """Make what is missing (idempotent), then fetch and settle until `stop` is set."""
        await streams.ensure_streams(js, self.replicas)
        await js.add_consumer(self.subscription.stream.name, self.subscription.config(self.ack_wait))
        async with pull_reader(self.connection, self.subscription.stream.name, self.subscription.durable) as reader:
            self.progress.began(self.subscription.durable)
            while not self.stop.is_set():
                await self._batch(js, reader, dead_letters)

    async def _batch(self, js: JetStreamContext, reader: PullReader, dead_letters: DeadLetterSink) -> None:
        messages = await reader.fetch(MAX_BATCH, FETCH_TIMEOUT_S)
        try:
            done = await settle(
                [JetStreamMessage(message) for message in messages], self.subscription, self.store, dead_letters
            )
        finally:
            waiting = await self._observe_lag(js)
        if not done:
            self.progress.failed(self.subscription.durable, "the database is away")
        elif messages or waiting == 0:  # what failed and waits for its next delivery proves nothing
            self.progress.succeeded(self.subscription.durable)
        if 0 < len(messages) < MAX_BATCH:
            await asyncio.sleep(self.linger_s)

    async def _observe_lag(self, js: JetStreamContext) -> int | None:
        """Ask for the lag when that is due; return how many messages wait for their next delivery, if it was asked."""
        now = asyncio.get_running_loop().time()
        if now < self._lag_due:
            return None
        self._lag_due = now + LAG_INTERVAL_S
        info = await js.consumer_info(self.subscription.stream.name, self.subscription.durable)
        waiting = info.num_ack_pending or 0
        metrics.LAG.labels(self.subscription.durable).set((info.num_pending or 0) + waiting)
        return waiting

    async def _pause(self, why: str) -> None:
        """Note the failure, and wait before trying again, but no longer than until `stop` is set."""
        self.progress.failed(self.subscription.durable, why)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), RETRY_DELAY_S)
