"""The command `oo-ml generate`."""

from __future__ import annotations

from typing import Annotated

import typer

from oo_cli.http_calls import call_stack, read_body
from oo_cli.options import DEFAULT_DATA_DIR, BodyFile, Data, Form, Output
from oo_cli.render_reply import tip_panel
from oo_cli.terminal import console, say

__all__ = ["run"]


def run(
    file: BodyFile = None,
    data: Data = DEFAULT_DATA_DIR,
    output: Form = Output.TABLE,
    prompt_version: Annotated[str | None, typer.Option(help="Prompt version to use instead of the default.")] = None,
) -> None:
    """Write a tip by one `POST /generate`, and explain the response."""
    body = read_body(file) | ({"prompt_version": prompt_version} if prompt_version else {})
    generated = call_stack(data, "/generate", body)
    if output is Output.JSON:
        say(generated.reply)
    else:
        console.print(tip_panel(generated.reply, generated.milliseconds))
