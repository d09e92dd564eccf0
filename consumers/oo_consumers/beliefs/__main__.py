"""Keep beliefs, or fold them anew: `python -m oo_consumers.beliefs [keep|rebuild]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import nats
from nats.aio.client import Client
from oo_experiments.experiment import BadExperiment, Experiment, load
from pydantic import ValidationError

from oo_consumers.beliefs.keeper import Keeper
from oo_consumers.beliefs.rebuilt import compare
from oo_consumers.pull import AWAY
from oo_consumers.service import Service, opened
from oo_consumers.settings import ConsumerSettings
from oo_consumers.store import Store, StoreError

__all__ = ["main"]

COMMANDS = ("keep", "rebuild")
ABOUT = """Keep what the policies of experiments believe in the bucket `beliefs`, as closed rounds earn their rewards.

`rebuild` folds the streams anew from their first event on, and compares with what is kept: exit code 0 when every bit
is the same, 1 when not. Streams keep 30 days: an older store knows more than they do.
Several keepers do no harm: each write is a compare-and-swap."""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m oo_consumers.beliefs",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Environment: " + ", ".join(f"OO_CONSUMER_{name.upper()}" for name in ConsumerSettings.model_fields),
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="keep", help="(default %(default)s)")
    return parser.parse_args(argv)


def main() -> None:
    """Exit code 1 when something failed or differs, 2 when it was asked for the impossible."""
    given = arguments(sys.argv[1:])
    try:
        told = ConsumerSettings.read(os.environ)
        files = {item.key: item for item in load(told.experiments)[0]}
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(_refusal(2, f"OO_CONSUMER_{str(first['loc'][0]).upper()}: {first['msg']}"))
    except BadExperiment as error:
        sys.exit(_refusal(2, f"OO_CONSUMER_EXPERIMENTS: {error}"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        if given.command == "rebuild":
            sys.exit(asyncio.run(_rebuilt(told, files)))
        asyncio.run(Service(told, Keeping(told, files)).run())
    except (StoreError, *AWAY) as error:
        sys.exit(_refusal(1, repr(error)))


async def _rebuilt(told: ConsumerSettings, files: Mapping[str, Experiment]) -> int:
    connection = await nats.connect(told.nats_url, max_reconnect_attempts=3)
    try:
        found = await compare(connection, files, _progress)
    finally:
        await connection.close()
    for item in found:
        said = "the same" if item.equal else "not kept" if item.kept is None else "DIFFERENT"
        print(f"{item.experiment:<32} {item.rounds:>9,} rounds  {item.rebuilt[:16]}  {said}")  # noqa: T201  # the answer
    if not found:
        print("no experiment has a policy with beliefs")  # noqa: T201
    return 0 if all(item.equal for item in found) else 1


def _progress(what: str, done: int, of: int) -> None:
    print(f"\r\x1b[K{what} {done}/{of}", end="\n" if done == of else "", file=sys.stderr)  # noqa: T201  # for people


@dataclass(slots=True)
class Keeping:
    """What the service runs."""

    told: ConsumerSettings
    files: Mapping[str, Experiment]
    missing: str = "no database"
    store: Store | None = None
    name: str = "rewards into beliefs"

    async def open(self) -> None:
        self.store = await opened(self.told.store_url)

    async def run(self, connection: Client, stop: asyncio.Event) -> None:
        if self.store is None:
            raise RuntimeError("open first")
        every = self.told.beliefs_every_ms / 1000
        await Keeper(connection, self.store, self.files, stop, every, self.told.replicas).run()

    def close(self) -> None:
        if self.store is not None:
            self.store.close()


def _refusal(code: int, text: str) -> int:
    print(f"oo_consumers.beliefs: {text}", file=sys.stderr)  # noqa: T201  # a refusal is one line
    return code


if __name__ == "__main__":
    main()
