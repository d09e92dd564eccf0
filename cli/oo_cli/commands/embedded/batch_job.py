"""A batch job of the pipelines, run against the stack that runs on a data folder."""

from __future__ import annotations

import subprocess
from datetime import datetime
from enum import Enum
from pathlib import Path

import typer
from oo_local.layout import Layout
from oo_local.start import stack_of

from oo_cli.options import Output
from oo_cli.running_stack import running_stack

__all__ = ["job_words", "run_job"]


Option = str | float | Path | datetime | Enum | None


def run_job(data: Path, output: Output, name: str, **options: Option) -> None:
    """Run a job of `python -m oo_pipelines`; the command ends with its exit code when that is not 0."""
    stack = running_stack(data)
    words = job_words(name, **options)
    command, environ = stack_of(Layout(data.absolute(), stack.port)).pipeline("--output", output.value, *words)
    code = subprocess.run(command, env=environ, check=False).returncode  # noqa: S603  # our own arguments
    if code:
        raise typer.Exit(code)


def job_words(name: str, **options: Option) -> list[str]:
    """Return the job's command line. An option that is None or False is left out; one that is True has no value.

    >>> job_words("replay", limit=3, since=None, allow_unsealed=True)
    ['replay', '--limit=3', '--allow-unsealed']
    """
    return [
        name,
        *(_word(option, value) for option, value in options.items() if value is not None and value is not False),
    ]


def _word(option: str, value: Option) -> str:
    flag = f"--{option.replace('_', '-')}"
    match value:
        case True:
            return flag
        case datetime():
            return f"{flag}={value.isoformat()}"
        case Enum():
            return f"{flag}={value.value}"
        case _:
            return f"{flag}={value}"
