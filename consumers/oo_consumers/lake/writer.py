"""From a stream into its table: read on from where the table is, append a batch, again.

The position lives in the table and nowhere else. A process that dies before its commit reads the batch again; one that
dies after it reads on. Nothing is acknowledged, so the stream neither knows nor minds who reads.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from oo_consumers import metrics, streams
from oo_consumers.lake.delta import Lake, LakeAway, Overtaken
from oo_consumers.lake.tables import LakeTable, Placed
from oo_consumers.pull import ACK, AGAIN, AWAY, WAIT

__all__ = ["Writer"]

log = logging.getLogger(__name__)

FETCH = 500  # messages at a time
LARGEST = 5_000  # events in one transaction
FORGOTTEN = 60.0  # seconds after which the server drops the reader of a process that is gone
FAR = 10_000  # messages for others after which a quiet table says that it has seen them
SMALL = 200  # transactions of this process until its small files are put together


class Lost(Exception):
    """Messages came out of their order: the connection broke between. Read again from the table's position."""


@dataclass(slots=True)
class Writer:
    """One table of one process. `every` is how long, in seconds, events may wait for others to come along."""

    connection: Client
    lake: Lake
    table: LakeTable
    stop: asyncio.Event
    every: float
    replicas: int = 1
    appended: int = 0  # transactions since the last compaction

    async def run(self) -> None:
        """Until `stop`. NATS and the storage may go away and come back."""
        js = self.connection.jetstream(timeout=ACK)
        while not self.stop.is_set():
            try:
                await self._follow(js)
            except Overtaken:
                log.warning("%s: another writer appends too; one is enough", self.table.name)
            except (Lost, LakeAway, *AWAY) as error:
                log.warning("%s: reading again from the table's position: %r", self.table.name, error)
            except Exception:
                log.exception("%s: a bug of ours; starting over", self.table.name)
            await self._pause()

    async def _follow(self, js: JetStreamContext) -> None:
        await streams.ensure(js, self.replicas)
        stream = await self._stream(js)
        position = await asyncio.to_thread(self.lake.position, self.table, stream)
        await self._say_what_is_gone(js, stream, position)
        async with self._reader(js, position) as reader:
            number = 0
            while not self.stop.is_set():
                batch, number = await self._batch(reader, number)
                if batch:
                    await self._append(stream, batch)
                    position = batch[-1].sequence
                if (last := await self._quiet(js, reader, number)) >= position + FAR:
                    await asyncio.to_thread(self.lake.append, self.table, stream, (), last)
                    position = last

    async def _quiet(self, js: JetStreamContext, reader: JetStreamContext.PullSubscription, number: int) -> int:
        """The stream's last sequence when all that is for this table was read, else 0.

        In this order: what is published between the two questions is pending by the second.
        """
        last = (await js.stream_info(self.table.stream.name)).state.last_seq
        info = await reader.consumer_info()
        dealt = info.delivered.consumer_seq if info.delivered else 0
        if dealt != number:
            raise Lost(f"{dealt} were dealt out, and {number} came")
        metrics.LAKE_LAG.labels(self.table.name).set(info.num_pending or 0)
        return 0 if info.num_pending else last

    async def _stream(self, js: JetStreamContext) -> str:
        """A stream that is deleted and made again counts from 1 again: its name alone is no identity."""
        info = await js.stream_info(self.table.stream.name)
        if info.created is None:
            raise LakeAway(f"{self.table.stream.name} does not say when it was made")
        return f"{self.table.stream.name}@{info.created:%Y-%m-%dT%H:%M:%S.%fZ}"

    async def _say_what_is_gone(self, js: JetStreamContext, stream: str, position: int) -> None:
        """Events that were deleted before they were read are lost to the log; nobody shall think otherwise."""
        first = (await js.stream_info(self.table.stream.name)).state.first_seq or 1
        if first > position + 1:
            gone = position + 1, first - 1
            log.error("%s: %s deleted %d to %d before they were read", self.table.name, stream, *gone)
            metrics.LAKE_GONE.labels(self.table.name).inc(first - position - 1)

    @asynccontextmanager
    async def _reader(self, js: JetStreamContext, position: int) -> AsyncIterator[JetStreamContext.PullSubscription]:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=position + 1,
            ack_policy=AckPolicy.NONE,
            filter_subject=self.table.subjects,
            inactive_threshold=FORGOTTEN,
            mem_storage=True,
            num_replicas=1,
        )
        name, made = self.table.stream.name, await js.add_consumer(self.table.stream.name, config)
        reader = await js.pull_subscribe_bind(made.name, name)
        try:
            yield reader
        finally:
            if not self.connection.is_closed:
                await reader.unsubscribe()
                with suppress(NotFoundError, *AWAY):
                    await js.delete_consumer(name, made.name)

    async def _batch(self, reader: JetStreamContext.PullSubscription, number: int) -> tuple[list[Placed], int]:
        """Events for one transaction: what comes in `every` seconds, but not too many; and the last one's number."""
        end = time.monotonic() + self.every
        batch: list[Placed] = []
        while len(batch) < LARGEST and time.monotonic() < end and not self.stop.is_set():
            try:
                messages = await reader.fetch(FETCH, timeout=WAIT)
            except nats.errors.TimeoutError:
                messages = []
            for message in messages:
                number = _next(message, number)
            batch += [placed for message in messages if (placed := self._read(message)) is not None]
        return batch, number

    def _read(self, message: Msg) -> Placed | None:
        """The event, or None: what cannot be read is among the dead letters of the effect store's consumer."""
        told = message.metadata
        sequence = told.sequence.stream
        try:
            fact = self.table.kind.model_validate_json(message.data)
            return Placed(sequence, told.timestamp, fact, message.data.decode())
        except (ValidationError, UnicodeDecodeError) as error:
            log.warning("%s: %d of the stream is unreadable: %s", self.table.name, sequence, type(error).__name__)
            metrics.LAKE.labels(self.table.name, "unreadable").inc()
            return None

    async def _append(self, stream: str, batch: Sequence[Placed]) -> None:
        new = await asyncio.to_thread(self.lake.append, self.table, stream, batch)
        metrics.LAKE.labels(self.table.name, "appended").inc(new)
        metrics.LAKE.labels(self.table.name, "repeated").inc(len(batch) - new)
        self.appended += 1
        if self.appended >= SMALL:
            self.appended = 0
            await asyncio.to_thread(self.lake.compact, self.table)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), AGAIN)


def _next(message: Msg, number: int) -> int:
    """The server numbers what it deals out: a number left out is a message that never arrived."""
    found = int(message.metadata.sequence.consumer)
    if found != number + 1:
        raise Lost(f"{number + 1} was to come, and {found} came")
    return found
