"""What all commands print: refusals in one line, JSON for programs, tables for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["console", "print_wide", "refuse", "refuse_all", "say", "warn"]

console = Console(highlight=False)


def refuse(text: str, code: int = 2) -> NoReturn:
    """Print one line to standard error and exit: code 2 for misuse, 1 for a failure."""
    Console(stderr=True, highlight=False).print(f"[red]oo-ml:[/] {escape(' '.join(text.split()))}", soft_wrap=True)
    raise typer.Exit(code)


def refuse_all(headline: str, mistakes: Sequence[str], code: int = 2) -> NoReturn:
    """Refuse with a line for each mistake where there are several."""
    if len(mistakes) == 1:
        refuse(f"{headline}: {mistakes[0]}", code)
    error = Console(stderr=True, highlight=False)
    error.print(f"[red]oo-ml:[/] {escape(headline)}: {len(mistakes)} mistakes", soft_wrap=True)
    for mistake in mistakes:
        error.print(f"  {escape(' '.join(mistake.split()))}", soft_wrap=True)
    raise typer.Exit(code)


def warn(text: str) -> None:
    """Print one line to standard error."""
    Console(stderr=True, highlight=False).print(text, markup=False, soft_wrap=True)


def say(value: Any) -> None:
    """Print JSON to standard output, for programs; it has no NaN."""
    print(json.dumps(value, allow_nan=False))  # noqa: T201  # the answer


def print_wide(table: Table) -> None:
    """Print a table as wide as it is, whatever the terminal: a folded name cannot be searched for."""
    widest = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    Console(highlight=False, width=max(widest, 1)).print(table)
