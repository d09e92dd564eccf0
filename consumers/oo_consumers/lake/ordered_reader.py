"""A reader of the messages of one lake table, from a position on, that knows when one of them is missing.

Nothing is acknowledged: the reader is the server's memory of one connection, and a new one begins at the next position.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from oo_consumers import metrics
from oo_consumers.lake.tables import LakeTable
from oo_consumers.pull_consumer import FETCH_TIMEOUT_S, NATS_ERRORS
from oo_consumers.pull_reader import PullReader, pull_reader

__all__ = ["OrderedReader", "SequenceGap", "ordered_reader"]

FETCH_BATCH = 500  # messages at a time
MAX_BATCH = 5_000  # events in one transaction
INACTIVE_THRESHOLD_S = 60.0  # seconds after which the server drops the reader of a process that is gone


class SequenceGap(Exception):
    """Messages came out of order because the connection broke; read again from the table's position."""


@dataclass(slots=True)
class OrderedReader:
    """One reader of a table's messages; `number` is that of the last message in the server's delivery."""

    js: JetStreamContext
    table: LakeTable
    consumer: str
    reader: PullReader
    number: int = 0

    async def batch(self, interval_s: float, stop: asyncio.Event) -> list[Msg]:
        """Return the messages of one transaction, of at most `interval_s` seconds, or until `stop` is set.

        Raises:
            SequenceGap: a message is missing.
        """
        end = time.monotonic() + interval_s
        batch: list[Msg] = []
        while len(batch) < MAX_BATCH and time.monotonic() < end and not stop.is_set():
            messages = await self.reader.fetch(FETCH_BATCH, FETCH_TIMEOUT_S)
            for message in messages:
                self.number = _next(message, self.number)
            batch += messages
        return batch

    async def last_if_quiet(self) -> int:
        """Return the stream's last sequence when everything for this table was read, else 0.

        The order of the two questions matters: what is published between them is pending by the second.

        Raises:
            SequenceGap: a message that was dealt out never came.
        """
        last = (await self.js.stream_info(self.table.stream.name)).state.last_seq
        info = await self.js.consumer_info(self.table.stream.name, self.consumer)
        dealt = info.delivered.consumer_seq if info.delivered else 0
        if dealt != self.number:
            raise SequenceGap(f"{dealt} were dealt out, and {self.number} came")
        metrics.LAKE_LAG.labels(self.table.name).set(info.num_pending or 0)
        return 0 if info.num_pending else last


@asynccontextmanager
async def ordered_reader(
    connection: Client, js: JetStreamContext, table: LakeTable, position: int
) -> AsyncIterator[OrderedReader]:
    """Give a reader of what follows a position of the table's stream, and delete it at the end."""
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=position + 1,
        ack_policy=AckPolicy.NONE,
        filter_subject=table.subjects,
        inactive_threshold=INACTIVE_THRESHOLD_S,
        mem_storage=True,
        num_replicas=1,
    )
    name, consumer = table.stream.name, await js.add_consumer(table.stream.name, config)
    metrics.LAKE_LAG.labels(table.name).set(consumer.num_pending or 0)  # true also of who gets no further
    try:
        async with pull_reader(connection, name, consumer.name) as reader:
            yield OrderedReader(js, table, consumer.name, reader)
    finally:
        if not connection.is_closed:
            with suppress(NotFoundError, *NATS_ERRORS):
                await js.delete_consumer(name, consumer.name)


def _next(message: Msg, number: int) -> int:
    """Return the message's number in the server's delivery; a number left out is a message that never arrived.

    Raises:
        SequenceGap: it is not the number after `number`.
    """
    delivered = int(message.metadata.sequence.consumer)
    if delivered != number + 1:
        raise SequenceGap(f"{number + 1} was to come, and {delivered} came")
    return delivered
