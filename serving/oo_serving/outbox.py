"""Events on their way to JetStream: the reply never waits for them, and they never grow without bound.

`put` encodes an event and appends it to a queue in memory; call it when the reply is sent. A task publishes what is
there, each event with its id as `Nats-Msg-Id`, again and again until JetStream has acknowledged it. When the queue is
full, by count or by bytes, the oldest event is dropped; an event that NATS would never take is dropped too, so that it
cannot hold up the others. What is dropped is counted. NATS may be absent at the start, go away and come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import dataclass, field

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import Error as JetStreamError
from oo_contracts.events import Event

from oo_serving import metrics

__all__ = ["Outbox"]

log = logging.getLogger(__name__)

WINDOW = 32  # events published before their acknowledgements are awaited
LINGER = 0.02  # seconds an event waits for others: published together they cost a fifth
AGAIN = 0.5  # seconds between two tries
ACK = 5.0  # seconds to wait for an acknowledgement
HEADERS = 1_024  # bytes that a message's subject and headers may add to the event
LOST = (nats.errors.Error, JetStreamError, OSError, TimeoutError, ValueError)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An event as it will be sent."""

    subject: str
    event_id: str
    data: bytes


@dataclass(slots=True)
class Outbox:
    """Started and stopped with the server; `capacity` in events, `max_bytes` of them together."""

    url: str
    capacity: int = 10_000
    max_bytes: int = 64 << 20
    dropped: int = 0
    _waiting: deque[Sealed] = field(default_factory=deque)
    _bytes: int = 0
    _filled: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _busy: int = 0
    _said: set[str] = field(default_factory=set)

    @property
    def depth(self) -> int:
        """Events not yet acknowledged."""
        return len(self._waiting) + self._busy

    def put(self, subject: str, event: Event) -> None:
        """Take an event along. Never waits, never raises."""
        try:
            data = event.model_dump_json().encode()
        except ValueError:
            log.exception("an event for %s cannot be encoded", subject)
            self._drop()
            return
        self._waiting.append(Sealed(subject, event.event_id, data))
        self._bytes += len(data)
        while len(self._waiting) > self.capacity or self._bytes > self.max_bytes:
            self._taken()
            self._drop()
        self._filled.set()

    def start(self) -> None:
        """Begin to publish, in a task of the running loop."""
        metrics.DEPTH.set_function(lambda: self.depth)
        self._task = asyncio.create_task(self._run(), name="outbox")

    async def stop(self, deadline: float = 5.0) -> None:
        """Publish what is left, within the deadline in seconds; what stays unpublished is logged."""
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

    def _taken(self) -> Sealed:
        item = self._waiting.popleft()
        self._bytes -= len(item.data)
        return item

    def _drop(self) -> None:
        self.dropped += 1
        metrics.DROPPED.inc()

    async def _run(self) -> None:
        """Publish for ever. A connection that NATS closed for good, as after a refused login, is replaced."""
        while True:
            connection = await self._connected()
            try:
                while not connection.is_closed:
                    await self._filled.wait()
                    await asyncio.sleep(LINGER if len(self._waiting) < WINDOW else 0)
                    await self._publish(connection)
            finally:
                await connection.close()

    async def _connected(self) -> Client:
        """A connection that finds its way back by itself; asked for until there is one."""
        while True:
            try:
                return await nats.connect(
                    self.url, max_reconnect_attempts=-1, reconnect_time_wait=AGAIN, error_cb=self._note, pending_size=0
                )
            except LOST as error:
                await self._note(error)
                await asyncio.sleep(AGAIN)

    async def _note(self, error: Exception) -> None:
        """Say each thing that is wrong once, not at every try; all may be said again once something arrived."""
        if (text := repr(error)) not in self._said:
            self._said.add(text)
            log.warning("NATS at %s: %s", self.url, text)

    async def _publish(self, connection: Client) -> None:
        batch = [self._taken() for _ in range(min(WINDOW, len(self._waiting)))]
        if not batch:
            self._filled.clear()
            return
        self._busy = len(batch)
        settled = await asyncio.gather(*(self._settled(connection, item) for item in batch))
        failed = [item for item, done in zip(batch, settled, strict=True) if not done]
        self._waiting.extendleft(reversed(failed))
        self._bytes += sum(len(item.data) for item in failed)
        self._busy = 0
        if failed:
            await asyncio.sleep(AGAIN)

    async def _settled(self, connection: Client, item: Sealed) -> bool:
        """Whether JetStream has stored the event, or never will; the id makes a second try harmless."""
        if connection.is_connected and len(item.data) + HEADERS > connection.max_payload:
            log.error("an event for %s is too large for NATS: %d bytes", item.subject, len(item.data))
            self._drop()
            return True
        try:
            headers = {"Nats-Msg-Id": item.event_id}
            await connection.jetstream(timeout=ACK).publish(item.subject, item.data, headers=headers)
        except Exception as error:  # noqa: BLE001  # settling an event: nothing may end the task; it is tried again
            await self._note(error)
            return False
        metrics.PUBLISHED.inc()
        self._said.clear()
        return True
