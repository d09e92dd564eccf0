"""What a person reads of an experiment: a line for the whole, and a row for each of its parts below it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from oo_cli.terminal import console

__all__ = ["print_rows"]


def print_rows(key: str, summary: str, rows: Iterable[tuple[str, ...]]) -> None:
    """Print the line of an experiment, and its rows."""
    console.print(f"[bold]{escape(key)}[/]  {summary}", soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in rows:
        table.add_row("  ", *map(escape, row))
    if table.row_count:
        console.print(table)
