"""The command `bootstrap`: a simulated past and a first champion, unless there is one."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import nats.errors
from oo_consumers.effect_store import StoreError
from oo_consumers.lake.delta import LakeUnavailable
from oo_model_cards.gate import CHAMPION
from oo_model_cards.registry import Registry, RegistryError

from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation import simulate, simulate_command
from oo_pipelines.training import train_command

__all__ = ["UNAVAILABLE_ERRORS", "add", "run"]

UNAVAILABLE_ERRORS = (
    StoreError,
    LakeUnavailable,
    RegistryError,
    simulate.NotConsumed,
    nats.errors.Error,
    OSError,
)  # the errors that time may heal, so that `bootstrap` tries again
RETRY_DELAY_S = 3  # seconds between attempts


def add(commands: Any) -> None:
    """Add the command `bootstrap` to the subparsers `commands`."""
    parser = commands.add_parser("bootstrap", help="Simulate a past and train the first champion, unless there is one.")
    parser.set_defaults(backfill=[])
    parser.add_argument(
        "--wait", type=float, default=0, help="Seconds for which what is not up yet is tried again (default 0)."
    )
    train_command.add_rewards(parser)
    simulate_command.add_world(parser)


def run(args: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    """Train the first champion.

    What it needs may be starting at the same time, and each step may be done twice without harm.

    Raises:
        BadRewards, NotEnough, PromotionRefused: time cannot heal it.
        StoreError, LakeUnavailable, RegistryError, NotConsumed, nats.errors.Error, OSError: the time to wait is over.
    """
    end = time.monotonic() + args.wait
    while True:
        try:
            if champion := Registry(settings.tracking_uri).aliases(settings.model_name).get(CHAMPION):
                return {"champion": champion, "trained": "nothing: there is a champion"}
            simulate_command.run(args, settings)
            return train_command.run(args, settings)
        except UNAVAILABLE_ERRORS as error:
            if time.monotonic() >= end:
                raise
            print(f"oo_pipelines: waiting: {error!r}", file=sys.stderr, flush=True)  # noqa: T201  # progress
            time.sleep(RETRY_DELAY_S)
