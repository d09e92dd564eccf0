"""One bounded loop for each durable: fetch a batch, settle it, and again, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import Header
from nats.js.errors import Error as JetStreamError
from oo_contracts.subjects import dlq_subject

from oo_consumers import metrics, streams
from oo_consumers.progress import ReaderProgress
from oo_consumers.subscription import ACK_WAIT_S, DeadLetter, DeadLetterSink, EffectStore, Subscription, settle

__all__ = ["Consumer", "DeadLetterStream", "JetStreamMessage"]

log = logging.getLogger(__name__)

MAX_BATCH = 200  # messages in one transaction
FETCH_TIMEOUT_S = 0.5  # seconds a fetch waits when there is nothing; also how long a stop may have to wait
RETRY_DELAY_S = 1.0  # seconds before trying again after NATS went away
ACK_TIMEOUT_S = 5.0  # seconds for the server to confirm an acknowledgement
REASON_HEADER = "Oo-Reason"
SUBJECT_HEADER = "Oo-Subject"
TRUNCATED_HEADER = "Oo-Truncated"  # how many bytes there were, when not all of them fit
MAX_HEADER_BYTES = 60_000  # bytes; JetStream takes no more than 64 KiB
HEADER_OVERHEAD_BYTES = 4  # ": " and the end of the line, for each header
HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110
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
        """Acknowledge, and wait for the server to confirm: only then is the message gone."""
        await self.raw.ack_sync(timeout=ACK_TIMEOUT_S)

    async def nak(self, delay: float) -> None:
        """Ask for the message again after `delay` seconds.

        Without a delay the server would deliver it again at once, whatever the backoff says.
        """
        await self.raw.nak(delay=delay)


@dataclass(frozen=True, slots=True)
class DeadLetterStream:
    """The stream `dlq.<durable>`: the message as it was, its headers, where it came from and why it is there."""

    js: JetStreamContext
    limit: Callable[[], int]  # bytes that one message may have; the server says so

    async def put(self, durable: str, message: DeadLetter, reason: str) -> None:
        """Publish a message once, even when it is delivered again because its acknowledgement was lost.

        Raises:
            nats.errors.Error: NATS refused the message or is away.
        """
        own = {
            SUBJECT_HEADER: message.subject,
            REASON_HEADER: reason,
            Header.MSG_ID.value: f"{durable}:{message.stream_position}",
        }
        original = {name: _clean(value) for name, value in message.headers.items() if _sendable(name)}
        headers, data = _fit_headers(original, own, message.data, self.limit())
        await self.js.publish(dlq_subject(durable), data, headers=headers)


def _sendable(name: str) -> bool:
    """Return whether NATS lets us send a header of this name.

    It takes more from others: one such header would keep a message from ever being buried.
    """
    return re.fullmatch(HEADER_NAME, name) is not None and not name.startswith("Nats-")


def _clean(value: str) -> str:
    """Return the value as a header can carry it: controls and bytes that are no text become question marks."""
    return "".join(sign if sign.isprintable() else "?" for sign in value)


def _fit_headers(
    original: dict[str, str], own: dict[str, str], data: bytes, limit: int
) -> tuple[dict[str, str], bytes]:
    """Return headers and data within the limits.

    Our headers come on top of what may fill a message already: what does not fit is cut, and a header says so.
    """
    whole = {**original, **own}
    if _size(whole) <= MAX_HEADER_BYTES and _size(whole) + len(data) <= limit:
        return whole, data
    own_truncated = own | {TRUNCATED_HEADER: str(len(data))}
    headers = (
        original | own_truncated if _size(original | own_truncated) <= min(MAX_HEADER_BYTES, limit) else own_truncated
    )
    return headers, data[: max(0, limit - _size(headers))]


def _size(headers: Mapping[str, str]) -> int:
    return 32 + sum(len(name.encode()) + len(value.encode()) + HEADER_OVERHEAD_BYTES for name, value in headers.items())


@dataclass(frozen=True, slots=True)
class Consumer:
    """One durable of one process; several processes may share it, since the server distributes the messages."""

    connection: Client
    subscription: Subscription
    store: EffectStore
    stop: asyncio.Event
    replicas: int = 1
    ack_wait: float = ACK_WAIT_S
    progress: ReaderProgress = field(default_factory=ReaderProgress)

    async def run(self) -> None:
        """Consume until `stop` is set; NATS may go away and come back, with or without what it stored."""
        js = self.connection.jetstream(timeout=ACK_TIMEOUT_S)
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
        subscription = await js.pull_subscribe_bind(self.subscription.durable, self.subscription.stream.name)
        self.progress.began(self.subscription.durable)
        try:
            while not self.stop.is_set():
                await self._batch(subscription, dead_letters)
        finally:
            if not self.connection.is_closed:
                await subscription.unsubscribe()

    async def _batch(self, subscription: JetStreamContext.PullSubscription, dead_letters: DeadLetterSink) -> None:
        try:
            messages = await subscription.fetch(MAX_BATCH, timeout=FETCH_TIMEOUT_S)
        except TimeoutError:  # nats-py raises its own, a subclass, and now and then the plain one
            messages = []
        try:
            done = await settle(
                [JetStreamMessage(message) for message in messages], self.subscription, self.store, dead_letters
            )
        finally:
            info = await subscription.consumer_info()
            metrics.LAG.labels(self.subscription.durable).set((info.num_pending or 0) + (info.num_ack_pending or 0))
        if not done:
            self.progress.failed(self.subscription.durable, "the database is away")
        elif messages or not info.num_ack_pending:  # what failed and waits for its next delivery proves nothing
            self.progress.succeeded(self.subscription.durable)

    async def _pause(self, why: str) -> None:
        """Note the failure, and wait before trying again, but no longer than until `stop` is set."""
        self.progress.failed(self.subscription.durable, why)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), RETRY_DELAY_S)
