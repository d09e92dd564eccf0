"""The writer of one lake table: read on from the table's position, append a batch, and again.

The position lives in the table and nowhere else. A process that dies before its commit reads the batch again; one that
dies after it reads on. Nothing is acknowledged, so the stream neither knows nor minds who reads.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from oo_consumers import metrics, streams
from oo_consumers.dead_letter_stream import DeadLetterStream
from oo_consumers.event_reader import read_batch, read_event
from oo_consumers.in_flight import gather
from oo_consumers.lake.delta import ConcurrentAppend, Lake, LakeUnavailable
from oo_consumers.lake.ordered_reader import SequenceGap, ordered_reader
from oo_consumers.lake.tables import LakeTable, StreamEvent
from oo_consumers.progress import ReaderProgress
from oo_consumers.pull_consumer import (
    NATS_ERRORS,
    REQUEST_TIMEOUT_S,
    RETRY_DELAY_S,
    JetStreamMessage,
)
from oo_consumers.subscription import printable

__all__ = ["LakeWriter"]

log = logging.getLogger(__name__)

POSITION_INTERVAL = 10_000  # messages for others after which a quiet table says that it has seen them
COMPACTION_INTERVAL = 200  # transactions of this process until its small files are put together, or that is tried again


@dataclass(slots=True)
class LakeWriter:
    """One table of one process; `interval_s` is how long, in seconds, events may wait for others of their
    transaction."""

    connection: Client
    lake: Lake
    table: LakeTable
    stop: asyncio.Event
    interval_s: float
    replicas: int = 1
    progress: ReaderProgress = field(default_factory=ReaderProgress)
    appended: int = 0  # transactions since a compaction was last tried

    @property
    def name(self) -> str:
        """The name of this reader in dead letters and probes."""
        return self.table.reader

    async def run(self) -> None:
        """Append until `stop` is set; NATS and the storage may go away and come back."""
        js = self.connection.jetstream(timeout=REQUEST_TIMEOUT_S)
        while not self.stop.is_set():
            try:
                await self._follow(js)
            except ConcurrentAppend:
                log.warning("%s: another writer appends too; one is enough", self.table.name)
            except (SequenceGap, LakeUnavailable, *NATS_ERRORS) as error:
                log.warning("%s: reading again from the table's position: %r", self.table.name, error)
                self.progress.failed(self.name, f"reads again ({type(error).__name__})")
            except Exception as error:
                log.exception("%s: a bug of ours; starting over", self.table.name)
                self.progress.failed(self.name, f"starts over ({type(error).__name__})")
            await self._pause()

    async def _follow(self, js: JetStreamContext) -> None:
        await streams.ensure_streams(js, self.replicas)
        stream = await self._stream(js)
        position = await self._position(stream)
        await self._say_what_is_gone(js, stream, position)
        async with ordered_reader(self.connection, js, self.table, position) as reader:
            self.progress.began(self.name)
            while not self.stop.is_set():
                if messages := await reader.batch(self.interval_s, self.stop):
                    position = await self._append(js, stream, messages)
                    await self._compact()
                if (last := await reader.last_if_quiet()) >= position + POSITION_INTERVAL:
                    await asyncio.to_thread(self.lake.append, self.table, stream, (), last)
                    position = last
                self.progress.succeeded(self.name)

    async def _position(self, stream: str) -> int:
        """Return the table's position; while the table cannot be asked, its lag is not a number."""
        try:
            return await asyncio.to_thread(self.lake.position, self.table, stream)
        except LakeUnavailable:
            metrics.LAKE_LAG.labels(self.table.name).set(math.nan)
            raise

    async def _stream(self, js: JetStreamContext) -> str:
        """Return the stream's identity: its name with its creation, because a stream made again counts from 1."""
        info = await js.stream_info(self.table.stream.name)
        if info.created is None:
            raise LakeUnavailable(f"{self.table.stream.name} does not say when it was made")
        return f"{self.table.stream.name}@{info.created:%Y-%m-%dT%H:%M:%S.%fZ}"

    async def _say_what_is_gone(self, js: JetStreamContext, stream: str, position: int) -> None:
        """Log and count the events that were deleted before they were read: they are lost to the log."""
        first = (await js.stream_info(self.table.stream.name)).state.first_seq or 1
        # `first_seq` is the oldest message that is still there; between it and ours retention was quicker.
        if first > position + 1:
            gone = position + 1, first - 1
            log.error("%s: %s deleted %d to %d before they were read", self.table.name, stream, *gone)
            metrics.LAKE_GONE.labels(self.table.name).inc(first - position - 1)

    async def _append(self, js: JetStreamContext, stream: str, messages: Sequence[Msg]) -> int:
        """Append each message as a row, or bury it; return the sequence at which the table stands then."""
        batch = await self._read(js, messages)
        last = int(messages[-1].metadata.sequence.stream)
        try:
            new = await self._rows(stream, [event for _, event in batch], last)
        except (ConcurrentAppend, LakeUnavailable):
            raise
        except Exception as error:  # noqa: BLE001  # whatever Arrow says of a value that no column can hold
            log.warning("%s: a batch was refused: %r", self.table.name, error)
            batch = [(message, event) for message, event in batch if await self._fits(js, stream, message, event)]
            new = await self._rows(stream, [event for _, event in batch], last)
        metrics.LAKE.labels(self.table.name, "appended").inc(new)
        metrics.LAKE.labels(self.table.name, "repeated").inc(len(batch) - new)
        return last

    async def _rows(self, stream: str, batch: Sequence[StreamEvent], last: int) -> int:
        new = await asyncio.to_thread(self.lake.append, self.table, stream, batch, last)
        self.appended += 1
        return new

    async def _compact(self) -> None:
        """Compact the table now and then; what was appended stands even if that fails."""
        if self.appended < COMPACTION_INTERVAL:
            return
        self.appended = 0
        try:
            await asyncio.to_thread(self.lake.compact, self.table)
        except LakeUnavailable as error:
            log.warning(
                "%s: not compacted, to be tried after %d transactions more: %r",
                self.table.name,
                COMPACTION_INTERVAL,
                error,
            )

    async def _read(self, js: JetStreamContext, messages: Sequence[Msg]) -> list[tuple[Msg, StreamEvent]]:
        """Return the messages that can be read with their events; the others go to the dead letters."""
        readable, unreadable = await read_batch(messages, self._event)
        await gather(self._bury(js, message, reason) for message, reason in unreadable)
        return readable

    def _event(self, message: Msg) -> StreamEvent:
        metadata = message.metadata
        fact = read_event(self.table.read_type, message.data)
        return StreamEvent(metadata.sequence.stream, metadata.timestamp, fact, message.data.decode())

    async def _fits(self, js: JetStreamContext, stream: str, message: Msg, event: StreamEvent) -> bool:
        """Return whether the event can be a row; one that cannot goes to the dead letters."""
        try:
            self.table.rows(stream, [event])
        except Exception as error:  # noqa: BLE001  # Arrow's errors, as for the batch
            await self._bury(js, message, f"no row: {type(error).__name__}: {error}")
            return False
        return True

    async def _bury(self, js: JetStreamContext, message: Msg, reason: str) -> None:
        """Put the message among the dead letters before the table's position passes it.

        Whoever dies in between buries it again.
        """
        log.error("%s: dead letter from %s: %s", self.name, message.subject, printable(reason))
        dead = DeadLetterStream(js, lambda: self.connection.max_payload)
        await dead.put(self.name, JetStreamMessage(message), printable(reason))
        metrics.LAKE.labels(self.table.name, "dead").inc()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), RETRY_DELAY_S)
