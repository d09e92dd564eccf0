"""Events on their way to JetStream: the reply never waits for them, and they never grow without bound.

`put` appends to a queue in memory. A task publishes what is there, each event with its id as `Nats-Msg-Id`, again and
again until JetStream has acknowledged it. When the queue is full the oldest event is dropped and counted. NATS may be
absent at the start, go away and come back.
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

WINDOW = 64  # events published before their acknowledgements are awaited
AGAIN = 0.5  # seconds between two tries
ACK = 5.0  # seconds to wait for an acknowledgement
LOST = (nats.errors.Error, JetStreamError, OSError, TimeoutError)


@dataclass(slots=True)
class Outbox:
    """Started and stopped with the server; `capacity` in events."""

    url: str
    capacity: int = 10_000
    dropped: int = 0
    _waiting: deque[tuple[str, Event]] = field(default_factory=deque)
    _filled: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _busy: int = 0
    _said: str = ""

    @property
    def depth(self) -> int:
        """Events not yet acknowledged."""
        return len(self._waiting) + self._busy

    def put(self, subject: str, event: Event) -> None:
        """Take an event along. Never waits, never raises."""
        if len(self._waiting) >= self.capacity:
            self._waiting.popleft()
            self.dropped += 1
            metrics.DROPPED.inc()
        self._waiting.append((subject, event))
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
                while self.depth:  # noqa: ASYNC110  # depth also counts what is in flight
                    await asyncio.sleep(0.01)
        if self.depth:
            log.error("%d events were not published before the end", self.depth)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        connection = await self._connected()
        try:
            while True:
                await self._filled.wait()
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
        """Say what is wrong once, not at every try."""
        if (text := repr(error)) != self._said:
            self._said = text
            log.warning("NATS at %s: %s", self.url, text)

    async def _publish(self, connection: Client) -> None:
        batch = [self._waiting.popleft() for _ in range(min(WINDOW, len(self._waiting)))]
        if not batch:
            self._filled.clear()
            return
        self._busy = len(batch)
        outcomes = await asyncio.gather(*(_acknowledged(connection, *item) for item in batch))
        failed = [item for item, arrived in zip(batch, outcomes, strict=True) if not arrived]
        self._waiting.extendleft(reversed(failed))
        self._busy = 0
        metrics.PUBLISHED.inc(len(batch) - len(failed))
        if failed:
            await asyncio.sleep(AGAIN)


async def _acknowledged(connection: Client, subject: str, event: Event) -> bool:
    """Whether JetStream has stored the event; the id makes a second try harmless."""
    headers = {"Nats-Msg-Id": event.event_id}
    try:
        data = event.model_dump_json().encode()
        await connection.jetstream(timeout=ACK).publish(subject, data, headers=headers)
    except LOST as error:
        log.warning("%s not stored yet: %r", subject, error)
        return False
    return True
