"""The command `oo-ml up`."""

from __future__ import annotations

import os
from functools import partial
from typing import Annotated

import typer
from oo_contracts.stack_status import data_option, read_status
from oo_local import environment
from oo_local.layout import Layout
from oo_local.start import start_detached, start_foreground

from oo_cli.first_calls import show_first_calls
from oo_cli.options import DEFAULT_DATA_DIR, Data, Port
from oo_cli.terminal import console, refuse, refuse_all

__all__ = ["run"]


def run(
    data: Data = DEFAULT_DATA_DIR,
    port: Port = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when it is ready; `oo-ml down` stops it.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds that each part may take to become ready.", show_default=True)
    ] = 180,
) -> None:
    """Start everything and keep it running; Ctrl-C stops it.

    The first time it simulates a week of events and trains a model. Later starts take seconds and keep the data.
    Variables of the services act, like `OO_TRANSFORMER_EPSILON=0.2`; a misspelt one is refused.
    """
    if wrong := environment.errors(os.environ):
        refuse_all("the environment", wrong)
    before = read_status(data)
    if before is not None and before.running:
        hint = f"`oo-ml status{data_option(data)}`, `oo-ml down{data_option(data)}`"
        refuse(f"already running at {before.ingress} (process {before.pid}): {hint}", 1)
    layout = Layout(data.absolute(), port or (before.port if before else 8080))
    greeting = partial(show_first_calls, layout.data, layout.url("ingress"), layout.url("mlflow"))
    if not detach:
        raise typer.Exit(start_foreground(layout, console, timeout, greeting))
    if code := start_detached(layout, console, timeout):
        raise typer.Exit(code)
    good = greeting()
    console.print(f"running at {layout.url('ingress')}; `oo-ml down{layout.data_option}` stops it", soft_wrap=True)
    raise typer.Exit(0 if good else 1)
