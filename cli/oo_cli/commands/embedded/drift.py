"""The command `oo-ml drift`."""

from __future__ import annotations

from typing import Annotated

import typer

from oo_cli.commands.embedded.batch_job import run_job
from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Html, Output

__all__ = ["run"]


def run(
    data: Data = DEFAULT_DATA_DIR,
    *,
    since: Annotated[
        str, typer.Option(help="Beginning of the window: how long ago (90m, 24h, 7d), or an instant.")
    ] = "24h",
    until: Annotated[str | None, typer.Option(help="End of the window, an instant; without it, now.")] = None,
    reference: Annotated[
        str | None,
        typer.Option(help="Two instants A..B to compare with, instead of the same hours of the weeks before."),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Largest q-value of an alarm.")] = 0.01,
    html: Html = None,
    output: Form = Output.TABLE,
) -> None:
    """Compare the features of recent decisions with those of the same hours and weekdays of the four weeks before.

    Exit code 0: no drift, or too few users to say. 1: drift. 2: misuse.
    """
    run_job(data, output, "drift", since=since, until=until, reference=reference, alpha=alpha, html=html)
