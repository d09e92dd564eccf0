"""What a person reads of a stack: a line for each process, and what is wrong with the whole."""

from __future__ import annotations

import time

from oo_contracts.stack_status import ProcessStatus, StackStatus
from rich.console import Group
from rich.table import Table
from rich.text import Text

__all__ = ["stack_table"]

COLOURS = {
    "ready": "green",
    "starting": "yellow",
    "restarting": "red",
    "failed": "red",
    "stuck": "red",
    "stopped": "dim",
    "waiting": "dim",
}


def stack_table(status: StackStatus) -> Group:
    """Return a line for each process, and below them what is wrong with the whole."""
    models = f"champion {status.champion or 'none'}, challenger {status.challenger or 'none'}"
    phase = status.phase if status.running or status.phase == "failed" else "stopped"
    table = Table(title=f"{status.ingress}  {phase}  {models}", title_justify="left", title_style="bold")
    for name in ("process", "state", "port", "pid", "for", "restarts", "last exit", "lag"):
        table.add_column(name)
    for item in status.processes:
        table.add_row(*_process(item, running=status.running))
    notes = [Text(f"failed: {status.error}", style="red")] if status.error else []
    notes += [Text(f"stuck: {item.name}: {item.obstacle}", style="red") for item in status.processes if item.obstacle]
    return Group(table, *notes, *(Text(f"warning: {warning}", style="yellow") for warning in status.warnings))


def _process(item: ProcessStatus, *, running: bool) -> tuple[str, ...]:
    """Return the cells of a process; in a stack that has ended, it is in no state for any time."""
    state = item.state if running else "stopped"
    last = "" if item.last_exit is None else str(item.last_exit)
    since, pid = (f"{time.time() - item.since:.0f} s", str(item.pid or "")) if running else ("", "")
    colour = COLOURS.get(state, "white")
    lag = "" if item.lag is None else f"{item.lag:,.0f}"
    return item.name, f"[{colour}]{state}[/]", str(item.port), pid, since, str(item.restarts), last, lag
