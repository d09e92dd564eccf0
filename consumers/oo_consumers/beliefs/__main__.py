"""Write the beliefs of policies, or fold them anew: `python -m oo_consumers.beliefs [keep|rebuild]`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import nats
from nats.aio.client import Client
from oo_contracts.logs import log_to_stderr
from oo_contracts.refusal import refuse_start
from oo_decisions.experiment_overlay import Definition, definitions_by_key
from oo_experiments.assignment.experiment import BadExperiment, load_experiments

from oo_consumers.beliefs.belief_writer import READER_NAME, BeliefWriter
from oo_consumers.beliefs.verify import compare_beliefs
from oo_consumers.effect_store import Store, StoreError
from oo_consumers.progress import ReaderProgress
from oo_consumers.pull_consumer import NATS_ERRORS
from oo_consumers.service import Service, open_store
from oo_consumers.settings import ConsumerSettings

__all__ = ["main"]

PROGRAM = "oo_consumers.beliefs"
COMMANDS = ("keep", "rebuild")
ABOUT = """Keep what the policies of experiments believe in the bucket `beliefs`, as closed rounds earn their rewards.

`rebuild` folds the streams anew from their first event on and compares the result with the bucket: the exit code is 0
when every bit is the same and 1 when not. Streams keep 30 days, so an older store knows more than they do.
Several writers do no harm, because each write is a compare-and-swap."""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; `command` is one of `COMMANDS`."""
    parser = argparse.ArgumentParser(
        prog="python -m oo_consumers.beliefs",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Environment: " + ", ".join(ConsumerSettings.variables()),
    )
    parser.add_argument(
        "command", nargs="?", choices=COMMANDS, default="keep", help="What to do (default %(default)s)."
    )
    return parser.parse_args(argv)


def main() -> None:
    """Run the command; the exit code is 1 when something failed or differs and 2 for an impossible request."""
    args = arguments(sys.argv[1:])
    settings = ConsumerSettings.read_or_exit(PROGRAM, os.environ)
    try:
        files = definitions_by_key(*load_experiments(settings.experiments))
    except BadExperiment as error:
        refuse_start(PROGRAM, f"OO_CONSUMER_EXPERIMENTS: {error}")
    log_to_stderr()
    try:
        if args.command == "rebuild":
            sys.exit(asyncio.run(_rebuild(settings, files)))
        asyncio.run(Service(settings, BeliefsJob(settings, files)).run())
    except (StoreError, *NATS_ERRORS) as error:
        refuse_start(PROGRAM, repr(error), 1)


async def _rebuild(settings: ConsumerSettings, files: Mapping[str, Definition]) -> int:
    connection = await nats.connect(settings.nats_url, max_reconnect_attempts=3)
    try:
        comparisons = await compare_beliefs(connection, files, _progress)
    finally:
        await connection.close()
    for item in comparisons:
        verdict = "the same" if item.equal else "not kept" if item.kept is None else "DIFFERENT"
        print(f"{item.experiment:<32} {item.rounds:>9,} rounds  {item.rebuilt[:16]}  {verdict}")  # noqa: T201  # the answer
    if not comparisons:
        print("no experiment has a policy with beliefs")  # noqa: T201
    return 0 if all(item.equal for item in comparisons) else 1


def _progress(step: str, done: int, total: int) -> None:
    print(f"\r\x1b[K{step} {done}/{total}", end="\n" if done == total else "", file=sys.stderr)  # noqa: T201  # for people


@dataclass(slots=True)
class BeliefsJob:
    """The job that the service runs: one belief writer over one store."""

    settings: ConsumerSettings
    files: Mapping[str, Definition]
    missing: str = "no database"
    store: Store | None = None
    name: str = "rewards into beliefs"
    progress: ReaderProgress = field(default_factory=ReaderProgress)

    async def open(self) -> None:
        """Connect to the store, waiting for its database.

        Raises:
            StoreError: the store's URL or its tables are not ours.
        """
        self.progress.expect(READER_NAME)
        self.store = await open_store(self.settings.store_url)

    async def run(self, connection: Client, stop: asyncio.Event) -> None:
        """Write beliefs until `stop` is set."""
        if self.store is None:
            raise RuntimeError("open first")
        every = self.settings.beliefs_every_ms / 1000
        await BeliefWriter(connection, self.store, self.files, stop, every, self.settings.replicas, self.progress).run()

    def close(self) -> None:
        """Close the store when it was opened."""
        if self.store is not None:
            self.store.close()


if __name__ == "__main__":
    main()
