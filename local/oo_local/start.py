"""The start of a stack, in the foreground or detached."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from oo_contracts.stack_status import read_status
from rich.console import Console

from oo_local import environment
from oo_local.console_progress import ConsoleProgress
from oo_local.first_jobs import StartFailed
from oo_local.layout import Layout, PortTaken, check_ports
from oo_local.programs import MissingProgram, Programs
from oo_local.stack import CHART, Stack
from oo_local.supervisor import Supervisor

__all__ = ["stack_of", "start_detached", "start_foreground"]

Greeting = Callable[[], bool]  # what is done once everything is ready; whether it went well


def stack_of(layout: Layout) -> Stack:
    """Return the stack of a data folder: its programs, the chart's values, its LiteLLM key (made at the first start).

    Raises:
        MissingProgram: one of the programs is not there.
    """
    layout.run.mkdir(parents=True, exist_ok=True)
    layout.logs.mkdir(exist_ok=True)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    return Stack(layout, Programs(os.environ), values, _key(layout.data / "litellm.key"))


def _key(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"sk-{secrets.token_urlsafe(24)}")
    return file.read_text()


def start_foreground(layout: Layout, console: Console, timeout_s: float, greeting: Greeting = lambda: True) -> int:
    """Start, greet when all is ready, keep running until a signal, and return the exit code."""
    try:
        check_ports(layout)
        stack = stack_of(layout)
        _tell_variables(stack, console)
        return asyncio.run(_foreground(stack, console, timeout_s, greeting))
    except (PortTaken, MissingProgram, StartFailed) as error:
        console.print(f"[red]oo-ml:[/] {error}", soft_wrap=True)
        return 1


def _tell_variables(stack: Stack, console: Console) -> None:
    """Print which variables of the caller act, and which the stack sets itself.

    Their values are never printed, for they may be secrets.
    """
    settings = stack.settings()
    for name, parts in environment.acting(os.environ, settings).items():
        console.print(f"  {name} acts on {', '.join(parts)}", markup=False, soft_wrap=True)
    for name in environment.ignored(os.environ, settings):
        console.print(f"  {name} is ignored: the stack sets it itself", markup=False, soft_wrap=True)


async def _foreground(stack: Stack, console: Console, timeout_s: float, greeting: Greeting) -> int:
    began, good = time.monotonic(), True
    with console.status("starting") as spinner:
        supervisor = Supervisor(stack, ConsoleProgress(console, spinner), timeout_s)
        async with supervisor.up():
            spinner.stop()
            if not supervisor.stopping.is_set():
                phase = "degraded" if supervisor.predictors.mismatch else "ready"
                console.print(f"  {phase} after {time.monotonic() - began:.1f} s\n")
                good = await asyncio.to_thread(greeting)
                console.print("Ctrl-C stops everything; the data stays in " + str(stack.layout.data), soft_wrap=True)
                await supervisor.stopping.wait()
            console.print("\nstopping everything, last started first")
    console.print("stopped; the data stays in " + str(stack.layout.data))
    return 0 if good else 1


def start_detached(layout: Layout, console: Console, timeout_s: float) -> int:
    """Start a supervisor in a session of its own and show its progress.

    Returns:
        0 when everything is ready, else the exit code of the supervisor.
    """
    layout.logs.mkdir(parents=True, exist_ok=True)
    log = layout.logs / "up.log"
    log.write_bytes(b"")
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603  # ourselves
            _supervisor_command(layout, timeout_s),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    with log.open() as log_reader:
        while child.poll() is None and not _is_ready(layout, child.pid):
            console.print(log_reader.read(), end="", markup=False)
            time.sleep(0.2)
        time.sleep(0.1)
        console.print(log_reader.read(), end="", markup=False)
    return 0 if child.poll() is None else child.returncode or 1


def _supervisor_command(layout: Layout, timeout_s: float) -> tuple[str, ...]:
    options = ("--data", str(layout.data), "--port", str(layout.port), "--timeout", str(timeout_s))
    return (sys.executable, "-P", "-m", "oo_local", "up", *options)


def _is_ready(layout: Layout, pid: int) -> bool:
    status = read_status(layout.data)
    return status is not None and status.pid == pid and status.phase == "ready"
