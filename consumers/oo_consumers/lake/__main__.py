"""Write the offline log: `python -m oo_consumers.lake [compact]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from nats.aio.client import Client
from pydantic import ValidationError

from oo_consumers.lake.delta import KEPT, BadLake, Lake, LakeAway
from oo_consumers.lake.tables import TABLES
from oo_consumers.lake.writer import Writer
from oo_consumers.service import Service
from oo_consumers.settings import ConsumerSettings

__all__ = ["main"]

COMMANDS = ("write", "compact")

ABOUT = """Append every event once to Delta Lake tables below OO_CONSUMER_LAKE_URL (a folder, s3://…, gs://…, az://…).

The position is in the tables: run it anywhere, kill it, start it again. A second writer does no harm and no good.
A bucket's credentials come from the environment as its tools want them: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …"""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m oo_consumers.lake",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Environment: " + ", ".join(f"OO_CONSUMER_{name.upper()}" for name in ConsumerSettings.model_fields),
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="write", help="(default %(default)s)")
    kept = "of files that compaction replaced (default %(default)g)"
    parser.add_argument("--keep-days", type=float, default=KEPT / timedelta(days=1), help=kept)
    given = parser.parse_args(argv)
    if given.keep_days < 0:
        parser.error("--keep-days: must not be negative")
    return given


def main() -> None:
    """Exit code 1 when the storage failed, 2 when it was asked for the impossible."""
    given = arguments(sys.argv[1:])
    try:
        told = ConsumerSettings.read(os.environ)
        lake = Lake(told.lake_url)
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(_refusal(2, f"OO_CONSUMER_{str(first['loc'][0]).upper()}: {first['msg']}"))
    except BadLake as error:
        sys.exit(_refusal(2, f"OO_CONSUMER_LAKE_URL: {error}"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        if given.command == "compact":
            _compact(lake, timedelta(days=given.keep_days))
        else:
            asyncio.run(Service(told, Writing(lake, told)).run())
    except (LakeAway, OSError) as error:
        sys.exit(_refusal(1, str(error)))


def _compact(lake: Lake, kept: timedelta) -> None:
    for table in TABLES:
        done = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in lake.compact(table, kept).items())
        print(f"{table.name:<12} {done}")  # noqa: T201  # the answer


@dataclass(frozen=True, slots=True)
class Writing:
    """What the service runs: one writer for each table."""

    lake: Lake
    told: ConsumerSettings
    missing: str = "no lake"

    @property
    def name(self) -> str:
        return f"{self.lake.url}: {', '.join(table.name for table in TABLES)}"

    async def open(self) -> None:
        """Writers wait for the storage themselves."""

    async def run(self, connection: Client, stop: asyncio.Event) -> None:
        every = self.told.lake_every_ms / 1000
        writers = (Writer(connection, self.lake, table, stop, every, self.told.replicas) for table in TABLES)
        await asyncio.gather(*(writer.run() for writer in writers))

    def close(self) -> None:
        """Nothing is open between two transactions."""


def _refusal(code: int, text: str) -> int:
    print(f"oo_consumers.lake: {text}", file=sys.stderr)  # noqa: T201  # a refusal is one line
    return code


if __name__ == "__main__":
    main()
