"""The events that wait to be consumed: waiting until there are none, and what an event of a backlog costs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import nats
import psutil
from nats.js import JetStreamContext
from oo_contracts.subjects import STREAMS, decision_subject

from oo_bench.decision_sample import DecisionSample

__all__ = ["Backlog", "NotConsumed", "wait_until_consumed"]

POLL_INTERVAL_S = 0.05
TIMEOUT_S = 120.0
PORTION = 500  # events between two flushes


class NotConsumed(Exception):
    """Events waited longer than they should; the message says how many."""


async def wait_until_consumed(url: str) -> None:
    """Wait until no reader of a stream has anything before it.

    Raises:
        NotConsumed: there was still something after TIMEOUT_S.
    """
    connection = await nats.connect(url, allow_reconnect=False)
    try:
        js, end = connection.jetstream(), time.monotonic() + TIMEOUT_S
        while waiting := await _waiting(js):
            if time.monotonic() > end:
                raise NotConsumed(f"{waiting} events were not consumed in {TIMEOUT_S:g} s")
            await asyncio.sleep(POLL_INTERVAL_S)
    finally:
        await connection.close()


async def _waiting(js: JetStreamContext) -> int:
    """Return how many deliveries are due or not acknowledged, over all readers of all streams."""
    readers = [reader for stream in STREAMS for reader in await js.consumers_info(stream.name)]
    return sum((reader.num_pending or 0) + (reader.num_ack_pending or 0) for reader in readers)


@dataclass(frozen=True, slots=True)
class Backlog:
    """A process of consumers, and the decision whose copies it is given all at once."""

    url: str
    consumers: psutil.Process
    sample: DecisionSample

    async def events_per_cpu_second(self, events: int) -> float:
        """Return how many events a second of the process's CPU time takes in."""
        before = self._cpu_s()
        self.consumers.suspend()
        try:
            await self._publish(events)
        finally:
            self.consumers.resume()
        await wait_until_consumed(self.url)
        return events / (self._cpu_s() - before)

    async def _publish(self, events: int) -> None:
        connection = await nats.connect(self.url, allow_reconnect=False)
        for number in range(events):
            await connection.publish(decision_subject("score"), self.sample.copy()[1])
            if number % PORTION == 0:
                await connection.flush()
        await connection.flush()
        await connection.close()

    def _cpu_s(self) -> float:
        times = self.consumers.cpu_times()
        return float(times.user + times.system)
