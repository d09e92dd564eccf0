"""The command `oo-ml logs`."""

from __future__ import annotations

import subprocess
from typing import Annotated

import typer

from oo_cli.options import DEFAULT_DATA_DIR, Data
from oo_cli.terminal import console, refuse

__all__ = ["run"]


def run(
    name: Annotated[str | None, typer.Argument(help="Name of a process; without it, the logs are listed.")] = None,
    data: Data = DEFAULT_DATA_DIR,
    lines: Annotated[int, typer.Option("-n", min=1, help="Number of lines to print from the end.")] = 50,
    follow: Annotated[bool, typer.Option("-f", help="Keep printing lines as they come.")] = False,
) -> None:
    """Print the end of a process's log."""
    folder = data.absolute() / "logs"
    known = sorted(path.stem for path in folder.glob("*.log"))
    if name is None:
        console.print("\n".join(known) if known else f"no logs in {folder}")
        return
    if name not in known:
        refuse(f"no log of {name}; there are {', '.join(known) or 'none yet'}")
    tail = ["tail", f"-n{lines}", *(["-f"] if follow else []), str(folder / f"{name}.log")]
    raise typer.Exit(subprocess.run(tail, check=False).returncode)  # noqa: S603  # our own arguments
