"""The command `oo-ml contract check`. Exit codes: 0 equal, 1 different, 2 not read for certain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from oo_features.registry_ts.contract_comparison import ContractDifference, differences
from oo_features.registry_ts.registry_entries import IN_REPOSITORY
from rich.markup import escape
from rich.table import Table

from oo_cli.options import Form, Output
from oo_cli.registry_file import ABOUT_PATH, ExportName, read_registry
from oo_cli.terminal import console, print_wide, say

__all__ = ["run"]

CheckedPath = Annotated[Path, typer.Argument(envvar="OO_PROFILE_REGISTRY", help=f"{ABOUT_PATH}.")]


def run(path: CheckedPath = Path("..") / IN_REPOSITORY, output: Form = Output.TABLE, export: ExportName = None) -> None:
    """Compare names, ttlSec and declared dtypes with our mirror.

    Exit code 0: equal. 1: different. 2: the registry cannot be read for certain; the line that is why is named.
    """
    registry = read_registry(path, export, output)
    contract_differences = differences(registry)
    if output is Output.JSON:
        plain = [_plain(item) for item in contract_differences]
        say({"equal": not contract_differences, "entries": len(registry.entries), "differences": plain})
    elif contract_differences:
        print_wide(_table(contract_differences))
    else:
        console.print(f"equal: {len(registry.entries)} features of {escape(str(registry.at))}", soft_wrap=True)
    raise typer.Exit(1 if contract_differences else 0)


def _plain(item: ContractDifference) -> dict[str, Any]:
    sides = {
        "typescript": {"value": item.typescript, "file": item.typescript_at.file, "line": item.typescript_at.line},
        "python": {"value": item.python, "file": item.python_at.file, "line": item.python_at.line},
    }
    return {"feature": item.feature, "kind": item.kind, **sides}


def _table(differences: tuple[ContractDifference, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("feature", "difference", "TypeScript", "Python", "where in TypeScript", "where in Python"):
        table.add_column(name)
    for item in differences:
        values = (item.feature, item.kind, item.typescript or "", item.python or "")
        table.add_row(*map(escape, (*values, str(item.typescript_at), str(item.python_at))))
    return table
