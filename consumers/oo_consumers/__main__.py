"""Run the consumers: `python -m oo_consumers [--only signals,feedback]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from nats.aio.client import Client
from pydantic import ValidationError

from oo_consumers.pull import Consumer
from oo_consumers.service import Service, opened
from oo_consumers.settings import ConsumerSettings
from oo_consumers.store import Store, StoreError
from oo_consumers.subscription import SUBSCRIPTIONS, Subscription

__all__ = ["main"]


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


@dataclass(slots=True)
class Effects:
    """What the service runs: one consumer for each durable, all into one store."""

    told: ConsumerSettings
    wanted: Sequence[Subscription]
    missing: str = "no database"
    store: Store | None = None

    @property
    def name(self) -> str:
        return ", ".join(item.durable for item in self.wanted)

    async def open(self) -> None:
        self.store = await opened(self.told.store_url)

    async def run(self, connection: Client, stop: asyncio.Event) -> None:
        store, replicas, wait = self.store, self.told.replicas, self.told.ack_wait_ms / 1000
        if store is None:
            raise RuntimeError("open first")
        consumers = (Consumer(connection, item, store, stop, replicas, wait) for item in self.wanted)
        await asyncio.gather(*(consumer.run() for consumer in consumers))

    def close(self) -> None:
        if self.store is not None:
            self.store.close()


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
    try:
        asyncio.run(_served(told, wanted))
    except (StoreError, OSError) as error:
        print(f"oo_consumers: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


async def _served(told: ConsumerSettings, wanted: Sequence[Subscription]) -> None:
    await Service(told, Effects(told, wanted)).run()


if __name__ == "__main__":
    main()
