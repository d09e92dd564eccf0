"""The command `simulate`: its options, and what it does with them."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from oo_pipelines.progress_bar import show_progress
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation import simulate
from oo_pipelines.simulation.simulated_users import SimulatedUsers

__all__ = ["add", "add_world", "run"]


def add(commands: Any) -> None:
    """Add the command `simulate` to the subparsers `commands`."""
    add_world(commands.add_parser("simulate", help="Publish the past of a simulated world to JetStream."))


def add_world(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which world is simulated, and for how long."""
    parser.add_argument("--days", type=int, default=7, help="Number of simulated days (default %(default)s).")
    parser.add_argument("--users", type=int, default=250, help="Number of simulated users (default %(default)s).")
    parser.add_argument("--seed", type=int, default=1, help="Seed of everything that is drawn (default %(default)s).")


def run(args: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    """Publish the past of a simulated world; return what was published as plain values.

    Raises:
        NotConsumed, nats.errors.Error, OSError: as `simulate.run`.
    """
    simulation = simulate.Simulation(SimulatedUsers(args.seed, args.users, simulate.ERA), datetime.now(UTC), args.days)
    return asdict(asyncio.run(simulate.run(settings, simulation, show_progress)))
