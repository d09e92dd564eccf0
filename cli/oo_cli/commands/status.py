"""The command `oo-ml status`."""

from __future__ import annotations

from dataclasses import asdict

import typer
from oo_contracts.stack_status import data_option, read_status

from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Output
from oo_cli.reader_health import examine
from oo_cli.render_stack import stack_table
from oo_cli.terminal import console, refuse, say

__all__ = ["run"]


def run(data: Data = DEFAULT_DATA_DIR, output: Form = Output.TABLE) -> None:
    """Show what runs, since when, how often it had to be restarted, and how many events wait for their readers.

    Exit code 1 when the stack is not ready, or a reader of events makes no progress.
    """
    recorded = read_status(data)
    if recorded is None:
        refuse(f"there has never been a stack on {data}: `oo-ml up{data_option(data)}`", 1)
    status = examine(recorded)
    if output is Output.JSON:
        say(asdict(status) | {"running": status.running})
    else:
        console.print(stack_table(status), soft_wrap=True)
    stuck = any(item.obstacle for item in status.processes)
    raise typer.Exit(0 if status.running and status.phase == "ready" and not stuck else 1)
