"""One process of consumers, from its first attempt to connect until it has drained."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass, field
from typing import Protocol

from nats.aio.client import Client

from oo_consumers.effect_store import Store, StoreUnavailable
from oo_consumers.health import Health
from oo_consumers.progress import ReaderProgress
from oo_consumers.pull_consumer import NATS_ERRORS, RETRY_DELAY_S
from oo_consumers.settings import ConsumerSettings

__all__ = ["Job", "Service", "open_store"]

log = logging.getLogger(__name__)

RECONNECT_DELAY_S = 1  # seconds between attempts to reach NATS
GRACE_PERIOD_S = 1.0  # seconds for what was cancelled to unwind


class Job(Protocol):
    """What a service does once it is connected."""

    @property
    def name(self) -> str:
        """What the job does, for the log."""

    @property
    def missing(self) -> str:
        """What the job waits for while it opens."""

    @property
    def progress(self) -> ReaderProgress:
        """What keeps the job's readers from their work."""

    async def open(self) -> None:
        """Open what the job needs, waiting for it as long as it is away."""

    async def run(self, connection: Client, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""

    def close(self) -> None:
        """Close what `open` opened."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process that answers probes from the start and stops within its deadline, whatever it is waiting for."""

    settings: ConsumerSettings
    job: Job
    connection: Client = field(default_factory=Client)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    consuming: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Run the job until SIGTERM or SIGINT.

        Raises:
            StoreError: the store's URL or its tables are not ours (from the job).
            OSError: the port of `/healthz` is taken.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop.set)
        server = await Health(self._missing).serve(self.settings.host, self.settings.http_port)
        work, stopped = asyncio.create_task(self._work()), asyncio.create_task(self.stop.wait())
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await self._drain(work)
        stopped.cancel()
        server.close()
        try:
            await self.connection.close()
        except NATS_ERRORS as error:
            log.info("NATS was away at the end: %r", error)
        if work.done() and not work.cancelled():
            work.result()

    async def _work(self) -> None:
        log.info("connecting to NATS")
        await self.connection.connect(
            self.settings.nats_url,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_DELAY_S,
            error_cb=_ignore_error,
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

    async def _drain(self, work: asyncio.Task[None]) -> None:
        """Let the job finish its batch within the deadline; a job that has not begun has nothing to finish."""
        deadline = self.settings.drain_ms / 1000 if self.consuming.is_set() else 0
        _, late = await asyncio.wait({work}, timeout=deadline)
        if late:
            if self.consuming.is_set():
                log.warning("a batch was not finished in time; it will come again")
            work.cancel()
            await asyncio.wait({work}, timeout=GRACE_PERIOD_S)

    def _missing(self) -> str | None:
        """Return what the process waits for, or None."""
        if not self.connection.is_connected:
            return "no NATS"
        return self.job.progress.obstacle if self.consuming.is_set() else self.job.missing


async def open_store(url: str) -> Store:
    """Return the store as soon as there is a database.

    Raises:
        StoreError: the store's URL or its tables are not ours.
    """
    while True:
        try:
            return await asyncio.to_thread(Store.open, url)
        except StoreUnavailable as error:
            log.warning("no database yet: %s", error)
            await asyncio.sleep(RETRY_DELAY_S)


async def _ignore_error(error: Exception) -> None:
    """Log an error of the connection: a failed attempt every second is no news, anything else is."""
    log.log(logging.DEBUG if isinstance(error, OSError) else logging.WARNING, "NATS: %r", error)


async def _disconnected() -> None:
    log.warning("NATS went away")


async def _reconnected() -> None:
    log.warning("NATS is back")
