"""The command `oo-ml score`."""

from __future__ import annotations

from oo_cli.http_calls import call_stack, read_body
from oo_cli.options import DEFAULT_DATA_DIR, BodyFile, Data, Form, Output
from oo_cli.render_reply import score_table
from oo_cli.terminal import console, say

__all__ = ["run"]


def run(file: BodyFile = None, data: Data = DEFAULT_DATA_DIR, output: Form = Output.TABLE) -> None:
    """Rank tasks by one `POST /score`, and explain the response."""
    body = read_body(file)
    scored = call_stack(data, "/score", body)
    if output is Output.JSON:
        say(scored.reply)
        return
    titles = {str(task["id"]): task.get("content", "") for task in body.get("tasks", []) if "id" in task}
    console.print(score_table(scored.reply, titles, scored.milliseconds))
