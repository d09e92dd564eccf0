"""A batch job of the pipelines, run against the stack that runs on a data folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import typer
from oo_local.layout import Layout
from oo_local.start import stack_of

from oo_cli.options import Output
from oo_cli.running_stack import running_stack

__all__ = ["run_job"]


def run_job(data: Path, output: Output, *words: str) -> None:
    """Run `python -m oo_pipelines` with these words; the command ends with its exit code when that is not 0."""
    stack = running_stack(data)
    command, environ = stack_of(Layout(data.absolute(), stack.port)).pipeline("--output", output.value, *words)
    code = subprocess.run(command, env=environ, check=False).returncode  # noqa: S603  # our own arguments
    if code:
        raise typer.Exit(code)
