"""Run the consumers: `python -m oo_consumers [--only signals,feedback]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

import nats
from nats.aio.client import Client
from pydantic import ValidationError

from oo_consumers import streams
from oo_consumers.health import Health
from oo_consumers.pull import AGAIN, AWAY, Consumer
from oo_consumers.settings import ConsumerSettings
from oo_consumers.store import Store, Unavailable
from oo_consumers.subscription import SUBSCRIPTIONS, Subscription

log = logging.getLogger("oo_consumers")


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    names = [item.durable for item in SUBSCRIPTIONS]
    parser = argparse.ArgumentParser(
        prog="python -m oo_consumers",
        description="Read JetStream and write each event's effect into the database, exactly once.",
        epilog="Environment: " + ", ".join(f"OO_CONSUMER_{name.upper()}" for name in ConsumerSettings.model_fields),
    )
    parser.add_argument("--only", default=",".join(names), help="durables to run, by comma (default %(default)s)")
    given = parser.parse_args(argv)
    unknown = set(given.only.split(",")) - set(names)
    if unknown:
        parser.error(f"--only: no such durable: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return given


def main() -> None:
    """Read the settings, then run until SIGTERM or SIGINT."""
    given = arguments(sys.argv[1:])
    try:
        told = ConsumerSettings.read(os.environ)
    except ValidationError as error:
        first = error.errors()[0]
        print(f"oo_consumers: OO_CONSUMER_{str(first['loc'][0]).upper()}: {first['msg']}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    wanted = [item for item in SUBSCRIPTIONS if item.durable in given.only.split(",")]
    asyncio.run(run(told, wanted))


async def run(told: ConsumerSettings, wanted: Sequence[Subscription]) -> None:
    """Connect, make streams and tables, consume, and drain when told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    connection = await nats.connect(
        told.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=AGAIN, error_cb=_noted
    )
    server = await Health(lambda: connection.is_connected).serve(told.host, told.http_port)
    store = await _opened(told.store_url, stop)
    await _streams(connection, told.replicas, stop)
    log.info("consuming %s", ", ".join(item.durable for item in wanted))
    tasks = [asyncio.create_task(Consumer(connection, item, store, stop).run(), name=item.durable) for item in wanted]
    await stop.wait()
    _, late = await asyncio.wait(tasks, timeout=told.drain_ms / 1000)
    for task in late:
        log.warning("%s did not finish its batch in time; it will come again", task.get_name())
        task.cancel()
    server.close()
    await connection.close()
    store.close()


async def _opened(url: str, stop: asyncio.Event) -> Store:
    while True:
        try:
            return await asyncio.to_thread(Store.open, url)
        except Unavailable as error:
            log.warning("no database yet: %s", error)
            if stop.is_set():
                raise
            await asyncio.sleep(AGAIN)


async def _streams(connection: Client, replicas: int, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await streams.ensure(connection.jetstream(), replicas)
        except AWAY as error:
            log.warning("no JetStream yet: %r", error)
            await asyncio.sleep(AGAIN)
        else:
            return


async def _noted(error: Exception) -> None:
    log.warning("NATS: %r", error)


if __name__ == "__main__":
    main()
