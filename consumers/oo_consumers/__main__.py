"""Run the consumers: `python -m oo_consumers [--only signals,feedback]`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from nats.aio.client import Client
from oo_contracts.logs import log_to_stderr
from oo_contracts.refusal import refuse_start

from oo_consumers.effect_store import Store, StoreError
from oo_consumers.progress import ReaderProgress
from oo_consumers.pull_consumer import Consumer
from oo_consumers.service import Service, open_store
from oo_consumers.settings import ConsumerSettings
from oo_consumers.subscription import SUBSCRIPTIONS, Subscription

__all__ = ["main"]


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; `only` is the text of the comma-separated durables.

    Raises:
        SystemExit: `--only` names a durable that does not exist.
    """
    names = [item.durable for item in SUBSCRIPTIONS]
    parser = argparse.ArgumentParser(
        prog="python -m oo_consumers",
        description="Read JetStream and write each event's effect into the database, exactly once.",
        epilog="Environment: " + ", ".join(ConsumerSettings.variables()),
    )
    parser.add_argument(
        "--only", default=",".join(names), help="Comma-separated durables to run (default %(default)s)."
    )
    args = parser.parse_args(argv)
    unknown = set(args.only.split(",")) - set(names)
    if unknown:
        parser.error(f"--only: no such durable: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return args


@dataclass(slots=True)
class EffectsJob:
    """The job of the effect consumers: one pull consumer for each durable, all into one store."""

    settings: ConsumerSettings
    subscriptions: Sequence[Subscription]
    missing: str = "no database"
    store: Store | None = None
    progress: ReaderProgress = field(default_factory=ReaderProgress)

    @property
    def name(self) -> str:
        """The durables of this process, for the log."""
        return ", ".join(item.durable for item in self.subscriptions)

    async def open(self) -> None:
        """Connect to the store, waiting for its database.

        Raises:
            StoreError: the store's URL or its tables are not ours.
        """
        self.progress.expect(*(item.durable for item in self.subscriptions))
        self.store = await open_store(self.settings.store_url)

    async def run(self, connection: Client, stop: asyncio.Event) -> None:
        """Run every consumer until `stop` is set."""
        store, settings = self.store, self.settings
        if store is None:
            raise RuntimeError("open first")
        consumers = (
            Consumer(
                connection,
                item,
                store,
                stop,
                replicas=settings.replicas,
                ack_wait=settings.ack_wait_ms / 1000,
                linger_s=settings.linger_ms / 1000,
                progress=self.progress,
            )
            for item in self.subscriptions
        )
        await asyncio.gather(*(consumer.run() for consumer in consumers))

    def close(self) -> None:
        """Close the store when it was opened."""
        if self.store is not None:
            self.store.close()


def main() -> None:
    """Read the settings, then run until SIGTERM or SIGINT."""
    args = arguments(sys.argv[1:])
    settings = ConsumerSettings.read_or_exit("oo_consumers", os.environ)
    log_to_stderr()
    subscriptions = [item for item in SUBSCRIPTIONS if item.durable in args.only.split(",")]
    try:
        asyncio.run(_serve(settings, subscriptions))
    except (StoreError, OSError) as error:
        refuse_start("oo_consumers", str(error), 1)


async def _serve(settings: ConsumerSettings, subscriptions: Sequence[Subscription]) -> None:
    await Service(settings, EffectsJob(settings, subscriptions)).run()


if __name__ == "__main__":
    main()
