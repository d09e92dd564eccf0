"""The command `oo-ml doctor`."""

from __future__ import annotations

import typer
from oo_contracts.stack_status import read_status
from oo_local.doctor import checks
from oo_local.layout import Layout

from oo_cli.options import DEFAULT_DATA_DIR, Data, Port
from oo_cli.terminal import console

__all__ = ["run"]


def run(data: Data = DEFAULT_DATA_DIR, port: Port = None) -> None:
    """Check programs, ports, disk and memory; each problem is printed with its fix."""
    before = read_status(data)
    results = list(checks(Layout(data.absolute(), port or (before.port if before else 8080)), before))
    for check in results:
        console.print(
            f"  [{'green' if check.ok else 'red'}]{'✓' if check.ok else '✗'}[/] {check.name:<14} {check.detail}",
            soft_wrap=True,
        )
    raise typer.Exit(0 if all(check.ok for check in results) else 1)
