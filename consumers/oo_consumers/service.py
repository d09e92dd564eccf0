"""One process of consumers, from its first attempt to connect until it has drained."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass, field
from typing import Protocol

from nats.aio.client import Client

from oo_consumers.health import Health
from oo_consumers.pull import AGAIN, AWAY
from oo_consumers.settings import ConsumerSettings
from oo_consumers.store import Store, Unavailable

__all__ = ["Job", "Service", "opened"]

log = logging.getLogger(__name__)

RECONNECT = 1  # seconds between attempts to reach NATS
GRACE = 1.0  # seconds for what was cancelled to unwind


class Job(Protocol):
    """What a service does once it is connected. `missing` says what it waits for while it opens."""

    @property
    def name(self) -> str: ...
    @property
    def missing(self) -> str: ...
    async def open(self) -> None: ...
    async def run(self, connection: Client, stop: asyncio.Event) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Service:
    """Answers probes from the first moment on; stops within its deadline whatever it is waiting for."""

    told: ConsumerSettings
    job: Job
    connection: Client = field(default_factory=Client)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    consuming: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until SIGTERM or SIGINT.

        Raises:
            StoreError: the store's URL or its tables are not ours (from the job).
            OSError: the port of `/healthz` is taken.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop.set)
        server = await Health(self._missing).serve(self.told.host, self.told.http_port)
        work, told = asyncio.create_task(self._work()), asyncio.create_task(self.stop.wait())
        await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
        await self._drained(work)
        told.cancel()
        server.close()
        try:
            await self.connection.close()
        except AWAY as error:
            log.info("NATS was away at the end: %r", error)
        if work.done() and not work.cancelled():
            work.result()

    async def _work(self) -> None:
        log.info("connecting to NATS")
        await self.connection.connect(
            self.told.nats_url,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT,
            error_cb=_noted,
            disconnected_cb=_disconnected,
            reconnected_cb=_reconnected,
        )
        await self.job.open()
        try:
            log.info("consuming %s", self.job.name)
            self.consuming.set()
            await self.job.run(self.connection, self.stop)
        finally:
            self.job.close()

    async def _drained(self, work: asyncio.Task[None]) -> None:
        """Finish the batch in hand; who has none yet has nothing to finish."""
        deadline = self.told.drain_ms / 1000 if self.consuming.is_set() else 0
        _, late = await asyncio.wait({work}, timeout=deadline)
        if late:
            if self.consuming.is_set():
                log.warning("a batch was not finished in time; it will come again")
            work.cancel()
            await asyncio.wait({work}, timeout=GRACE)

    def _missing(self) -> str | None:
        """What we wait for, if anything."""
        if not self.connection.is_connected:
            return "no NATS"
        return None if self.consuming.is_set() else self.job.missing


async def opened(url: str) -> Store:
    """The store, as soon as there is a database.

    Raises:
        StoreError: the URL or the tables are not ours.
    """
    while True:
        try:
            return await asyncio.to_thread(Store.open, url)
        except Unavailable as error:
            log.warning("no database yet: %s", error)
            await asyncio.sleep(AGAIN)


async def _noted(error: Exception) -> None:
    """An attempt in vain is no news each second; anything else is."""
    log.log(logging.DEBUG if isinstance(error, OSError) else logging.WARNING, "NATS: %r", error)


async def _disconnected() -> None:
    log.warning("NATS went away")


async def _reconnected() -> None:
    log.warning("NATS is back")
