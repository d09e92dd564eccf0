"""Write the offline log: `python -m oo_consumers.lake [compact]`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from nats.aio.client import Client
from oo_contracts.logs import log_to_stderr
from oo_contracts.refusal import refuse_start

from oo_consumers.lake.delta import RETENTION, BadLake, Lake, LakeUnavailable
from oo_consumers.lake.lake_writer import LakeWriter
from oo_consumers.lake.tables import TABLES
from oo_consumers.progress import ReaderProgress
from oo_consumers.service import Service
from oo_consumers.settings import ConsumerSettings

__all__ = ["main"]

PROGRAM = "oo_consumers.lake"
COMMANDS = ("write", "compact")

ABOUT = """Append every event once to Delta Lake tables below OO_CONSUMER_LAKE_URL (a folder, s3://…, gs://…, az://…).

The position is in the tables: run it anywhere, kill it, start it again. A second writer does no harm and no good.
A bucket's credentials come from the environment as its tools want them: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …"""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; `command` is one of `COMMANDS`, `keep_days` a number of days from 0 on.

    Raises:
        SystemExit: an argument is not valid.
    """
    parser = argparse.ArgumentParser(
        prog="python -m oo_consumers.lake",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Environment: " + ", ".join(ConsumerSettings.variables()),
    )
    parser.add_argument(
        "command", nargs="?", choices=COMMANDS, default="write", help="What to do (default %(default)s)."
    )
    retention_help = "Days for which files that compaction replaced are kept (default %(default)g)."
    parser.add_argument("--keep-days", type=float, default=RETENTION / timedelta(days=1), help=retention_help)
    args = parser.parse_args(argv)
    if args.keep_days < 0:
        parser.error("--keep-days: must not be negative")
    return args


def main() -> None:
    """Run the command; the exit code is 1 when the storage failed and 2 for an impossible request."""
    args = arguments(sys.argv[1:])
    settings = ConsumerSettings.read_or_exit(PROGRAM, os.environ)
    try:
        lake = Lake(settings.lake_url)
    except BadLake as error:
        refuse_start(PROGRAM, f"OO_CONSUMER_LAKE_URL: {error}")
    log_to_stderr()
    try:
        if args.command == "compact":
            _compact(lake, timedelta(days=args.keep_days))
        else:
            asyncio.run(Service(settings, LakeJob(lake, settings)).run())
    except (LakeUnavailable, OSError) as error:
        refuse_start(PROGRAM, str(error), 1)


def _compact(lake: Lake, retention: timedelta) -> None:
    for table in TABLES:
        done = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in lake.compact(table, retention).items())
        print(f"{table.name:<12} {done}")  # noqa: T201  # the answer


@dataclass(frozen=True, slots=True)
class LakeJob:
    """The job that the service runs: one writer for each table."""

    lake: Lake
    settings: ConsumerSettings
    missing: str = "no lake"
    progress: ReaderProgress = field(default_factory=ReaderProgress)

    @property
    def name(self) -> str:
        """The lake's URL and its tables, for the log."""
        return f"{self.lake.url}: {', '.join(table.name for table in TABLES)}"

    async def open(self) -> None:
        """Expect every table's reader; there is nothing to wait for, because writers wait for the storage
        themselves."""
        self.progress.expect(*(table.reader for table in TABLES))

    async def run(self, connection: Client, stop: asyncio.Event) -> None:
        """Run one writer for each table until `stop` is set."""
        every = self.settings.lake_every_ms / 1000
        replicas, progress = self.settings.replicas, self.progress
        writers = (LakeWriter(connection, self.lake, table, stop, every, replicas, progress) for table in TABLES)
        await asyncio.gather(*(writer.run() for writer in writers))

    def close(self) -> None:
        """Do nothing: nothing is open between two transactions."""


if __name__ == "__main__":
    main()
