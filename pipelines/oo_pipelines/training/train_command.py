"""The command `train`: its options, and what it does with them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from oo_contracts.reward_table import RewardTable

from oo_pipelines.progress_bar import show_progress
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.training import train

__all__ = ["add", "add_rewards", "run"]


def add(commands: Any) -> None:
    """Add the command `train` to the subparsers `commands`."""
    parser = commands.add_parser(
        "train", help="Train on all closed rounds, register the version and move an alias through the gate."
    )
    parser.add_argument(
        "--backfill",
        action="append",
        default=[],
        metavar="FILE",
        help="Backfilled values of a feature that is newer than some rounds; may be repeated.",
    )
    add_rewards(parser)


def add_rewards(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a reward table."""
    parser.add_argument("--rewards", default="v1", help="Reward table, or a file of one (default %(default)s).")


def run(args: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    """Train and register a version; return the result as plain values.

    Raises:
        BadRewards: there is no such reward table.
        NotEnough, BadBackfillInput, StoreError, RegistryError, PromotionRefused: as `train.run`.
    """
    rewards = RewardTable.read(args.rewards)
    return asdict(train.run(settings, datetime.now(UTC), show_progress, args.backfill, rewards=rewards))
