"""`oo-ml contract check` and `oo-ml contract digest`. Exit codes: 0 equal, 1 different, 2 not read for certain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oo_local.show import Output
from oo_local.terminal import Form, console, print_wide, say

if TYPE_CHECKING:
    from oo_local.contract.comparison import Difference
    from oo_local.contract.registry import Registry
    from oo_local.contract.source import Place

__all__ = ["IN_REPOSITORY", "contract"]

IN_REPOSITORY = Path("services/api/src/profile/registry.ts")
contract = typer.Typer(no_args_is_help=True, help="The recommender's profile registry against our mirror of it.")


About = "The recommender's registry.ts, or the root of its repository"
Checked = Annotated[
    Path,
    typer.Argument(envvar="OO_PROFILE_REGISTRY", help=f"{About}."),
]
Digested = Annotated[Path | None, typer.Argument(help=f"{About}; without it, our mirror.")]
Export = Annotated[str | None, typer.Option(help="Which export is the registry, if several could be.")]


@contract.command()
def check(path: Checked = Path("..") / IN_REPOSITORY, output: Form = Output.TABLE, export: Export = None) -> None:
    """Compare names, ttlSec and declared dtypes with our mirror.

    Exit code 0: equal. 1: different. 2: the registry cannot be read for certain; the line that is why is named.
    """
    from oo_local.contract.comparison import differences  # noqa: PLC0415  # the grammar

    registry = _registry(path, export, output)
    found = differences(registry)
    if output is Output.JSON:
        say({"equal": not found, "entries": len(registry.entries), "differences": [_plain(item) for item in found]})
    elif found:
        print_wide(_table(found))
    else:
        console.print(f"equal: {len(registry.entries)} features of {escape(str(registry.at))}", soft_wrap=True)
    raise typer.Exit(1 if found else 0)


@contract.command()
def digest(path: Digested = None, output: Form = Output.TABLE, export: Export = None) -> None:
    """One number for names, ttlSec and dtypes; a running transformer shows its own at `/v2/models/tip-ranker`.

    A dtype that the registry does not declare counts as none: such a digest is never our mirror's.
    """
    from oo_features.contract import contract_digest, mirror  # noqa: PLC0415

    from oo_local.contract import comparison  # noqa: PLC0415

    found = contract_digest(mirror()) if path is None else comparison.digest(_registry(path, export, output))
    if output is Output.JSON:
        say({"contract_digest": found})
    else:
        console.print(found, soft_wrap=True)


def _registry(path: Path, export: str | None, output: Output) -> Registry:
    from oo_local.contract.registry import entries  # noqa: PLC0415
    from oo_local.contract.source import Refused  # noqa: PLC0415

    try:
        return entries(path / IN_REPOSITORY if path.is_dir() else path, export)
    except Refused as refused:
        _refuse(refused.place, refused.why, output)


def _refuse(place: Place, why: str, output: Output) -> NoReturn:
    if output is Output.JSON:
        say({"refused": why, "file": place.file, "line": place.line or None})
    else:
        Console(stderr=True, highlight=False).print(f"[red]oo-ml:[/] {escape(f'{place}: {why}')}", soft_wrap=True)
    raise typer.Exit(2)


def _plain(item: Difference) -> dict[str, Any]:
    sides = {
        "typescript": {"value": item.typescript, "file": item.typescript_at.file, "line": item.typescript_at.line},
        "python": {"value": item.python, "file": item.python_at.file, "line": item.python_at.line},
    }
    return {"feature": item.feature, "kind": item.kind, **sides}


def _table(found: tuple[Difference, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("feature", "difference", "TypeScript", "Python", "where in TypeScript", "where in Python"):
        table.add_column(name)
    for item in found:
        values = (item.feature, item.kind, item.typescript or "", item.python or "")
        table.add_row(*map(escape, (*values, str(item.typescript_at), str(item.python_at))))
    return table
