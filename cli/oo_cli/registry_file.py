"""The recommender's registry as commands take it: which file it is, and the refusal of one that is not certain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from oo_features.registry_ts.registry_entries import ProfileRegistry, entries
from oo_features.registry_ts.source_file import NotConstant, SourceLocation

from oo_cli.options import Output
from oo_cli.terminal import refuse, say

__all__ = ["ABOUT_PATH", "ExportName", "read_registry"]

ABOUT_PATH = "The recommender's registry.ts, or the root of its repository"
ExportName = Annotated[
    str | None, typer.Option("--export", help="Name of the export that is the registry, if several could be.")
]


def read_registry(path: Path, export: str | None, output: Output) -> ProfileRegistry:
    """Return the registry of a file or a repository; what is not certain is refused, for programs too."""
    try:
        return entries(path, export)
    except NotConstant as refused:
        _refuse(refused.place, refused.why, output)


def _refuse(place: SourceLocation, why: str, output: Output) -> NoReturn:
    if output is Output.TABLE:
        refuse(f"{place}: {why}")
    say({"refused": why, "file": place.file, "line": place.line or None})
    raise typer.Exit(2)
