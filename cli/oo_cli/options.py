"""The options and arguments that several commands take, each declared once."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from oo_contracts.instant import BadInstant, parse_instant
from oo_contracts.stack_status import DEFAULT_DATA_DIR

from oo_cli.terminal import refuse

__all__ = [
    "DEFAULT_DATA_DIR",
    "BodyFile",
    "Data",
    "ExperimentKey",
    "Form",
    "Html",
    "NatsUrl",
    "Output",
    "Port",
    "Rewards",
    "Since",
    "StoreUrl",
]


class Output(StrEnum):
    """The form of a command's output: for people, or for programs."""

    TABLE = "table"
    JSON = "json"


def _since(text: str) -> datetime:
    """Return the instant that `--since` names; what names none is refused in one line."""
    try:
        return parse_instant(text, datetime.now(UTC))
    except BadInstant as error:
        refuse(f"--since: {error}")


Data = Annotated[Path, typer.Option(envvar="OO_LOCAL_DATA", help="Folder of the stack's data.")]
Form = Annotated[Output, typer.Option(help="Form of the result: for people or for programs.")]
Since = Annotated[
    datetime | None,
    typer.Option(parser=_since, metavar="INSTANT", help="First round to take: 7d ago, or an instant; without it, all."),
]
Html = Annotated[Path | None, typer.Option(help="File for a page with figures, too.")]
Rewards = Annotated[str, typer.Option("--rewards", help="A released reward table, or a TOML file.")]
StoreUrl = Annotated[str | None, typer.Option("--store-url", help="URL of the effect store; without it, the stack's.")]
NatsUrl = Annotated[str | None, typer.Option("--nats-url", help="URL of NATS; without it, the running stack's.")]
Port = Annotated[
    int | None,
    typer.Option(
        min=1024, max=65_000, help="Port of the ingress (as last time, else 8080); the 18 after it are used too."
    ),
]
BodyFile = Annotated[Path | None, typer.Argument(help="A JSON body; `-` reads standard input; without it, an example.")]
ExperimentKey = Annotated[str, typer.Argument(help="An experiment's key, or `holdout`.", show_default=False)]
