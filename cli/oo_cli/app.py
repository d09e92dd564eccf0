"""The command line `oo-ml`: which commands it has, in the order in which help lists them."""

from __future__ import annotations

from typing import Any

import typer

from oo_cli.command_group import CommandGroup, command_tree

__all__ = ["COMMANDS", "app"]

# Each command with its module below `oo_cli.commands`; a tuple is a group, whose package has a module for each command.
COMMANDS: dict[str, str | tuple[str, ...]] = {
    "up": "embedded.up",
    "down": "down",
    "status": "status",
    "logs": "logs",
    "doctor": "embedded.doctor",
    "score": "score",
    "generate": "generate",
    "simulate": "embedded.simulate",
    "train": "embedded.train",
    "replay": "embedded.replay",
    "drift": "embedded.drift",
    "experiment": ("list", "put", "stop", "drop", "beliefs", "simulate"),
    "report": ("experiment", "prompts", "policies"),
    "ope": "ope",
    "plan": "plan",
    "rewards": ("list", "compare"),
    "features": ("list", "diff"),
    "contract": ("check", "digest"),
}


class CommandLine(CommandGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": command_tree(COMMANDS)})


app = typer.Typer(cls=CommandLine, no_args_is_help=True, rich_markup_mode="markdown")


@app.callback()
def oo_ml() -> None:
    """oO/ml on one machine.

    `oo-ml up` starts everything, `oo-ml score` and `oo-ml generate` call it, `oo-ml train` trains a new model.

    Examples: `oo-ml up --detach --port 9000` · `oo-ml status --output json` · `oo-ml logs transformer-1 -f`
    """
