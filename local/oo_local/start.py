"""Starting in the foreground or detached, and stopping."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml
from rich.console import Console

from oo_local import show, state
from oo_local.calls import EXAMPLE, CallFailed, post
from oo_local.layout import Layout, PortTaken, check_ports
from oo_local.programs import MissingProgram, Programs
from oo_local.stack import CHART, Stack
from oo_local.state import StackStatus
from oo_local.supervisor import Failed, Supervisor

__all__ = ["detached", "foreground", "stack_of", "stopped"]

PATIENCE = 60.0  # seconds for everything to stop


def stack_of(layout: Layout) -> Stack:
    """The stack of a data folder: its programs, the chart's values, its LiteLLM key (made at the first start)."""
    layout.run.mkdir(parents=True, exist_ok=True)
    layout.logs.mkdir(exist_ok=True)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    return Stack(layout, Programs(os.environ), values, _key(layout.data / "litellm.key"))


def _key(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"sk-{secrets.token_urlsafe(24)}")
    return file.read_text()


def foreground(layout: Layout, console: Console, *, answers: bool = True) -> int:
    """Start, show the first two answers, keep running until a signal. The exit code."""
    try:
        check_ports(layout)
        stack = stack_of(layout)
        return asyncio.run(_foreground(stack, console, answers=answers))
    except (PortTaken, MissingProgram, Failed) as error:
        console.print(f"[red]oo-ml:[/] {error}", soft_wrap=True)
        return 1


async def _foreground(stack: Stack, console: Console, *, answers: bool) -> int:
    began = time.monotonic()
    with console.status("starting") as spinner:
        supervisor = Supervisor(stack, show.Progress(console, spinner))
        async with supervisor.up():
            spinner.stop()
            if not supervisor.stopping.is_set():
                console.print(f"  ready after {time.monotonic() - began:.1f} s\n")
                if answers:
                    await asyncio.to_thread(_first_answers, stack.layout, console)
                await supervisor.stopping.wait()
            console.print("\nstopping everything, last started first")
    console.print("stopped; the data stays in " + str(stack.layout.data))
    return 0


def _first_answers(layout: Layout, console: Console) -> None:
    """One `/score` and one `/generate` through the ingress, and what to try next."""
    body = json.loads(EXAMPLE.read_text())
    url = layout.url("ingress")
    try:
        scored, written = post(f"{url}/score", body), post(f"{url}/generate", body)
    except CallFailed as error:
        console.print(f"[red]the first call failed:[/] {error}")
        return
    titles = {task["id"]: task["content"] for task in body["tasks"]}
    console.print(show.score(scored.reply, titles, scored.milliseconds))
    console.print(show.tip(written.reply, written.milliseconds))
    console.print(_next_steps(url, layout), soft_wrap=True)


def _next_steps(url: str, layout: Layout) -> str:
    ask = f".venv/bin/oo-ml score{_data_option(layout)}"
    return f"""
[bold]next[/]
  curl {url}/score -H 'content-type: application/json' -d @{os.path.relpath(EXAMPLE)}
  {ask:<32} the same, explained; `generate`, `status`, `logs`, `train --help`
  {layout.url("mlflow"):<32} MLflow: runs, versions, cards
"""


def _data_option(layout: Layout) -> str:
    """What a command needs to find this stack, unless it is where commands look."""
    return "" if layout.data == Path(".oo-ml").absolute() else f" --data {layout.data}"


def detached(layout: Layout, console: Console) -> int:
    """Start a supervisor in a session of its own, show its progress, return when it is ready or has failed."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    log = layout.logs / "up.log"
    log.write_bytes(b"")
    words = ("up", "--no-answers", "--data", str(layout.data), "--port", str(layout.port))
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-P", "-m", "oo_local", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    with log.open() as said:
        while child.poll() is None and not _is_ready(layout, child.pid):
            console.print(said.read(), end="", markup=False)
            time.sleep(0.2)
        time.sleep(0.1)
        console.print(said.read(), end="", markup=False)
    if child.poll() is not None:
        return child.returncode or 1
    _first_answers(layout, console)
    console.print(f"running at {layout.url('ingress')}; `oo-ml down{_data_option(layout)}` stops it", soft_wrap=True)
    return 0


def _is_ready(layout: Layout, pid: int) -> bool:
    status = state.read(layout.status)
    return status is not None and status.pid == pid and status.phase == "ready"


def stopped(status: StackStatus) -> bool:
    """Tell the supervisor to stop, and wait for it."""
    os.kill(status.pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while state.alive(status.pid) and time.monotonic() < end:
        time.sleep(0.1)
    return not state.alive(status.pid)
