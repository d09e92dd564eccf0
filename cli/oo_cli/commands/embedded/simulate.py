"""The command `oo-ml simulate`."""

from __future__ import annotations

from typing import Annotated

import typer

from oo_cli.commands.embedded.batch_job import run_job
from oo_cli.options import DEFAULT_DATA_DIR, Data, Output

__all__ = ["run"]


def run(
    data: Data = DEFAULT_DATA_DIR,
    days: Annotated[int, typer.Option(min=1, help="Number of whole days, which end the day before yesterday.")] = 7,
    users: Annotated[int, typer.Option(min=1, help="Number of simulated users.")] = 250,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 1,
) -> None:
    """Publish a simulated past to the running stack; the same seed counts nothing twice."""
    run_job(data, Output.TABLE, "simulate", days=days, users=users, seed=seed)
