"""What a person reads of a reply: the ranking, or the tip."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

__all__ = ["score_table", "tip_panel"]


def score_table(reply: dict[str, Any], titles: dict[str, str], milliseconds: float) -> Table:
    """Return the ranking, best first, with each candidate's propensity."""
    model, policy = reply["model"], reply["policy"]
    table = Table(title=f"POST /score  {milliseconds:.1f} ms", title_justify="left", title_style="bold")
    for name in ("", "rank", "candidate", "value", "propensity"):
        table.add_column(name, justify="right" if name in {"rank", "value", "propensity"} else "left")
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


def tip_panel(reply: dict[str, Any], milliseconds: float) -> Panel:
    """Return the tip and where it came from."""
    origin = f"from the template: {reply['fallback']}" if reply["fallback"] else reply["model"]
    title = f"POST /generate  {milliseconds:.0f} ms  prompt {reply['prompt_version']}  {origin}"
    return Panel(escape(reply["tip"]), title=escape(title), title_align="left", width=88)
