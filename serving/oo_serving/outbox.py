"""This module brings events to JetStream: replies never wait for them, and they never take unbounded memory.

`put` encodes an event and appends it to a queue in memory; it is called when the reply is sent. A task publishes what
is there, each event with its id as `Nats-Msg-Id`, again and again until JetStream has acknowledged it. When the queue
is full, by count or by bytes, the sender with the most is refused; an event that NATS would never accept is dropped, so
that it cannot hold up the others. Dropped events are counted. NATS may be absent at the start, go away and come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import Protocol

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import Error as JetStreamError
from oo_contracts.encoded_event import Publishable
from oo_contracts.limits import MAX_EVENT_BYTES

from oo_serving import metrics
from oo_serving.fair_queue import FairQueue, PendingMessage

__all__ = ["EventSink", "Outbox"]

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 32  # events published before their acknowledgements are awaited
MAX_BATCH_BYTES = 4 << 20  # of a batch; the event that exceeds it is its last
BATCH_DELAY_S = 0.02  # for which an event waits for others: published together they cost a fifth
RETRY_DELAY_S = 0.5  # between two tries
ACK_TIMEOUT_S = 5.0  # to wait for an acknowledgement
HEADER_BYTES = 1_024  # bytes that a message's subject and headers may add to the event
FULL_MESSAGE = "the outbox is full: who has most in it is refused"
SMALL_PAYLOAD_WARNING = (
    "NATS at %s takes messages of %d bytes, an event may have %d: set its max_payload to 8MB, or such are lost"
)
NATS_ERRORS = (nats.errors.Error, JetStreamError, OSError, TimeoutError, ValueError)


class EventSink(Protocol):
    """The queue that takes the events of a server."""

    def put(self, subject: str, event: Publishable, sender: str = "") -> None:
        """Queue an event. This never waits and never raises; when the queue is full, who has most in it is refused."""


@dataclass(slots=True)
class Outbox:
    """The queue of events and the task that publishes them; `capacity` is in events, `max_bytes` of all together."""

    url: str
    capacity: int = 10_000
    max_bytes: int = 64 << 20
    dropped: int = 0
    _queue: FairQueue = field(init=False)
    _filled: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _busy: int = 0
    _reported: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._queue = FairQueue(self.capacity, self.max_bytes)

    @property
    def depth(self) -> int:
        """The number of events that are not yet acknowledged."""
        return len(self._queue) + self._busy

    def put(self, subject: str, event: Publishable, sender: str = "") -> None:
        """Queue an event on the share of its sender. This never waits and never raises."""
        try:
            data = event.encode()
        except ValueError:
            log.exception("an event for %s cannot be encoded", subject)
            self._drop()
            return
        refused = self._queue.append(PendingMessage(subject, event.event_id, data, sender))
        for _ in refused:
            self._drop()
        if refused and FULL_MESSAGE not in self._reported:
            self._reported.add(FULL_MESSAGE)
            log.warning(FULL_MESSAGE)
        self._filled.set()

    def start(self) -> None:
        """Begin to publish, in a task of the running loop."""
        metrics.DEPTH.set_function(lambda: self.depth)
        self._task = asyncio.create_task(self._run(), name="outbox")

    async def stop(self, deadline: float = 5.0) -> None:
        """Publish what is left, for at most `deadline` seconds; what stays unpublished is logged."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                while self.depth:  # depth also counts what is in flight
                    await asyncio.sleep(0.01)
        if self.depth:
            log.error("%d events were not published before the end", self.depth)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def _batch(self) -> list[PendingMessage]:
        """Take the events that are published together.

        They are bounded by count, and by bytes, which the client buffers until sent.
        """
        batch: list[PendingMessage] = []
        size = 0
        while self._queue and len(batch) < MAX_IN_FLIGHT and size < MAX_BATCH_BYTES:
            batch.append(self._queue.popleft())
            size += len(batch[-1].data)
        return batch

    def _drop(self) -> None:
        self.dropped += 1
        metrics.DROPPED.inc()

    async def _run(self) -> None:
        """Publish for ever, and replace a connection that NATS closed for good, as after a refused login."""
        while True:
            connection = await self._connected()
            try:
                while not connection.is_closed:
                    await self._filled.wait()
                    # A short delay lets events of concurrent calls share a batch; a full batch need not wait.
                    await asyncio.sleep(BATCH_DELAY_S if len(self._queue) < MAX_IN_FLIGHT else 0)
                    await self._publish(connection)
            finally:
                await connection.close()

    async def _connected(self) -> Client:
        """Return a connection that reconnects by itself; try until there is one."""
        while True:
            try:
                connection = await nats.connect(
                    self.url,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RETRY_DELAY_S,
                    error_cb=self._note,
                    pending_size=0,
                )
            except NATS_ERRORS as error:
                await self._note(error)
                await asyncio.sleep(RETRY_DELAY_S)
            else:
                if connection.max_payload < MAX_EVENT_BYTES + HEADER_BYTES:
                    log.warning(SMALL_PAYLOAD_WARNING, self.url, connection.max_payload, MAX_EVENT_BYTES)
                return connection

    async def _note(self, error: Exception) -> None:
        """Log each problem once, not at every try; all may be logged again once an event was stored."""
        if (text := repr(error)) not in self._reported:
            self._reported.add(text)
            log.warning("NATS at %s: %s", self.url, text)

    async def _publish(self, connection: Client) -> None:
        batch = self._batch()
        if not batch:
            self._filled.clear()
            return
        self._busy = len(batch)
        settled = await asyncio.gather(*(self._publish_one(connection, item) for item in batch))
        failed = [item for item, is_settled in zip(batch, settled, strict=True) if not is_settled]
        self._queue.restore(failed)
        self._busy = 0
        if failed:
            await asyncio.sleep(RETRY_DELAY_S)

    async def _publish_one(self, connection: Client, item: PendingMessage) -> bool:
        """Return whether the event is settled: JetStream has stored it, or never will.

        The id makes a second try harmless.
        """
        if connection.is_connected and len(item.data) + HEADER_BYTES > connection.max_payload:
            log.error("an event for %s is too large for NATS: %d bytes", item.subject, len(item.data))
            self._drop()
            return True
        try:
            headers = {"Nats-Msg-Id": item.event_id}
            await connection.jetstream(timeout=ACK_TIMEOUT_S).publish(item.subject, item.data, headers=headers)
        except Exception as error:  # noqa: BLE001  # settling an event: nothing may end the task; it is tried again
            await self._note(error)
            return False
        metrics.PUBLISHED.inc()
        self._reported.clear()
        return True
