"""Groups of commands that are imported when they are called, so that to list them costs no NumPy and no MLflow.

This is the one place that imports a command. A package of an extra that is missing then is named in one line.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from oo_cli.terminal import refuse

__all__ = ["CommandGroup", "CommandStub", "command_tree"]

PACKAGE = "oo_cli.commands"
FOLDER = Path(__file__).parent / "commands"
EXTRAS = {"oo_local": "oo-ml[local]"}  # what to install for a package that not everybody has
MARKUP: Literal["markdown"] = "markdown"


class CommandStub(TyperCommand):
    """A command as it is listed: its name, and the docstring of its function `run`, which is read without an import."""

    def __init__(self, name: str, module: str) -> None:
        self.module = module
        super().__init__(name, help=_docstring(module), rich_markup_mode=MARKUP)

    def load(self) -> Any:
        """Import the command, or refuse when it needs an extra that is not installed."""
        try:
            run = import_module(f"{PACKAGE}.{self.module}").run
        except ModuleNotFoundError as error:
            if (package := (error.name or "").partition(".")[0]) not in EXTRAS:
                raise
            refuse(f"`oo-ml {self.name}` needs the embedded stack: install it by pip install '{EXTRAS[package]}'")
        single = typer.Typer(add_completion=False, rich_markup_mode=MARKUP)
        single.command(self.name)(run)
        return typer.main.get_command(single)


class CommandGroup(TyperGroup):
    """A group of stubs, of which the one that is called is loaded."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the name, the command itself, and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, CommandStub) else command, rest


def command_tree(commands: Mapping[str, str | tuple[str, ...]]) -> dict[str, Any]:
    """Return a stub for each command and a group of stubs for each tuple, whose package's docstring is its help."""
    return {
        name: CommandStub(name, entry) if isinstance(entry, str) else _group(name, entry)
        for name, entry in commands.items()
    }


def _group(name: str, commands: tuple[str, ...]) -> CommandGroup:
    stubs: dict[str, Any] = {command: CommandStub(command, f"{name}.{command}") for command in commands}
    help_text = import_module(f"{PACKAGE}.{name}").__doc__
    return CommandGroup(name=name, commands=stubs, help=help_text, no_args_is_help=True, rich_markup_mode=MARKUP)


def _docstring(module: str) -> str | None:
    """Return the docstring of the function `run` of a command's module."""
    tree = ast.parse(FOLDER.joinpath(*module.split(".")).with_suffix(".py").read_text())
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run")
    return ast.get_docstring(function)
