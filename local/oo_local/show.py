"""What a person gets to read: progress, the two answers, the state of the stack."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.status import Status
from rich.table import Table

from oo_local.state import StackStatus

__all__ = ["Output", "Progress", "score", "stack", "tip"]

COLOURS = {
    "ready": "green",
    "starting": "yellow",
    "restarting": "red",
    "failed": "red",
    "stopped": "dim",
    "waiting": "dim",
}


class Output(StrEnum):
    """For people, or for programs."""

    TABLE = "table"
    JSON = "json"


@dataclass(slots=True)
class Progress:
    """A line for each part that is ready; on a terminal also what is being waited for."""

    console: Console
    status: Status

    def ready(self, name: str, seconds: float) -> None:
        self.console.print(f"  [green]✓[/] {name:<14} ready   [dim]{seconds:5.1f} s[/]")

    def working(self, text: str) -> None:
        self.status.update(text)
        if not self.console.is_terminal:
            self.console.print(f"  … {text}")

    def detail(self, text: str) -> None:
        self.status.update(escape(text))

    def done(self, text: str) -> None:
        self.status.update("starting")
        self.console.print(f"  [green]✓[/] {text}")


def score(reply: dict[str, Any], titles: dict[str, str], milliseconds: float) -> Table:
    """The ranking, best first, with each candidate's chance."""
    model, policy = reply["model"], reply["policy"]
    table = Table(title=f"POST /score  {milliseconds:.1f} ms", title_justify="left", title_style="bold")
    for name in ("", "rank", "candidate", "value", "chance"):
        table.add_column(name, justify="right" if name in {"rank", "value", "chance"} else "left")
    for item in reply["scores"]:
        name = escape(titles.get(item["candidate_id"], item["candidate_id"]))
        mark = "[green]▶[/]" if item["candidate_id"] == reply["chosen"] else ""
        table.add_row(mark, str(item["rank"]), name, f"{item['score']:.3f}", f"{item['propensity']:.3f}")
    experiment = reply["experiment"]
    arm = f", experiment {experiment['key']}: {experiment['variant']}" if experiment else ""
    degraded = f", DEGRADED: {reply['degraded']}" if reply["degraded"] else ""
    table.caption = (
        f"model {model['name']} {model['version']}, policy {policy['name']} {policy['version']}{arm}{degraded}"
    )
    table.caption_justify = "left"
    return table


def tip(reply: dict[str, Any], milliseconds: float) -> Panel:
    """The tip and where it came from."""
    origin = f"from the template: {reply['fallback']}" if reply["fallback"] else reply["model"]
    title = f"POST /generate  {milliseconds:.0f} ms  prompt {reply['prompt_version']}  {origin}"
    return Panel(escape(reply["tip"]), title=escape(title), title_align="left", width=88)


def stack(status: StackStatus) -> Table:
    """A line for each process."""
    models = f"champion {status.champion or 'none'}, challenger {status.challenger or 'none'}"
    phase = status.phase if status.running else "stopped"
    table = Table(title=f"{status.ingress}  {phase}  {models}", title_justify="left", title_style="bold")
    for name in ("process", "state", "port", "pid", "for", "restarts", "last exit"):
        table.add_column(name)
    for item in status.processes:
        state = item.state if status.running else "stopped"
        colour = COLOURS.get(state, "white")
        last = "" if item.last_exit is None else str(item.last_exit)
        since = f"{time.time() - item.since:.0f} s"
        table.add_row(
            item.name, f"[{colour}]{state}[/]", str(item.port), str(item.pid or ""), since, str(item.restarts), last
        )
    return table
