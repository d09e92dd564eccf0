"""What every command says and asks alike: refusals, JSON, the stack that is meant, and where its data is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oo_local import state
from oo_local.layout import Layout
from oo_local.show import Output
from oo_local.state import StackStatus

__all__ = [
    "HERE",
    "Data",
    "Form",
    "Since",
    "StoreUrl",
    "console",
    "print_wide",
    "refuse",
    "running",
    "say",
    "stack_at",
    "store_of",
]

console = Console(highlight=False)
HERE = Path(".oo-ml")

Data = Annotated[Path, typer.Option(envvar="OO_LOCAL_DATA", help="Folder of the stack's data.")]
Form = Annotated[Output, typer.Option(help="For people or for programs.")]
Since = Annotated[str | None, typer.Option(help="Rounds decided since 7d ago, or since an instant; without it, all.")]
StoreUrl = Annotated[str | None, typer.Option("--store-url", help="URL of the effect store; without it, the stack's.")]


def refuse(text: str, code: int = 2) -> NoReturn:
    """One line to standard error, and out: 2 for what was asked wrong, 1 for what failed."""
    Console(stderr=True, highlight=False).print(f"[red]oo-ml:[/] {escape(' '.join(text.split()))}", soft_wrap=True)
    raise typer.Exit(code)


def say(what: Any) -> None:
    """JSON to standard output, for programs; it has no NaN."""
    print(json.dumps(what, allow_nan=False))  # noqa: T201  # the answer


def print_wide(table: Table) -> None:
    """As wide as it is, whatever the terminal: a name or a place that is folded cannot be searched for."""
    widest = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    Console(highlight=False, width=max(widest, 1)).print(table)


def stack_at(data: Path) -> StackStatus | None:
    """The stack of a folder as it was last written down; None where there has never been one."""
    return state.read(Layout(data.absolute(), 0).status)


def running(data: Path, otherwise: str = "", code: int = 1) -> StackStatus:
    """The stack that runs on a folder; `otherwise` is the option that does without."""
    status = stack_at(data)
    if status is None or not status.running:
        refuse(f"no stack is running on {data}: start it with `oo-ml up`{otherwise and f', or give {otherwise}'}", code)
    return status


def store_of(data: Path, store_url: str | None, otherwise: str = "--store-url") -> str:
    """The effect store's URL; a stack need not run, its database is a file."""
    if store_url is not None:
        return store_url
    status = stack_at(data)
    if status is None:
        refuse(f"there has never been a stack on {data}: `oo-ml up`, or give {otherwise}")
    return status.store_url
