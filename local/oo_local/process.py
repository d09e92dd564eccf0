"""One program that is kept running: started, waited for, restarted with growing pauses, stopped.

It runs in a session of its own, so that Ctrl-C reaches only the supervisor, which then stops everything in order; and
it is told by the kernel to stop when the supervisor dies without a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Process", "Running", "State"]

State = Literal["waiting", "starting", "ready", "restarting", "stopped", "failed"]

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds before a restart; doubled each time
SETTLED = 30.0  # seconds after which a process that ran counts as healthy again
STOPPING = 12.0  # seconds to end after SIGTERM, then SIGKILL
POLL = 0.1
LARGEST_LOG = 8 << 20  # bytes of a log; then it is moved aside, and one older one is kept
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Process:
    """What to start, and how to know that it is ready: an HTTP path that answers 200, or just the port."""

    name: str
    command: tuple[str, ...]
    port: int
    environ: Mapping[str, str] = field(default_factory=dict)
    ready_path: str | None = None
    after: tuple[str, ...] = ()
    patience: float = 90.0

    def is_ready(self) -> bool:
        return _listens(self.port) if self.ready_path is None else _answers(self.port, self.ready_path)


@dataclass(slots=True)
class Running:
    """A process and what became of it so far. `changed` is called at every change of state."""

    process: Process
    log: Path
    changed: Callable[[], None]
    state: State = "waiting"
    pid: int | None = None
    restarts: int = 0
    since: float = field(default_factory=time.time)
    took: float | None = None
    last_exit: int | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: bool = False

    async def keep(self) -> None:
        """Start, and start again whenever it ends, until stopped."""
        pause = FIRST_PAUSE
        while not self._stopping:
            began = time.monotonic()
            child = await self._start()
            watcher = asyncio.create_task(self._watch(began))
            self.last_exit = await child.wait()
            _signal(child.pid, signal.SIGKILL)  # what it had started itself would keep the port
            watcher.cancel()
            self.ready.clear()
            self.pid = None
            if self._stopping:
                break
            pause = FIRST_PAUSE if time.monotonic() - began > SETTLED else min(LONGEST_PAUSE, pause * 2)
            self.restarts += 1
            self._become("restarting")
            await asyncio.sleep(pause)
        self._become("stopped")

    async def stop(self) -> None:
        """SIGTERM to its whole session, then SIGKILL."""
        self._stopping = True
        if self.pid is None:
            return
        pid = self.pid
        _signal(pid, signal.SIGCONT)  # a frozen process would not see the next one
        _signal(pid, signal.SIGTERM)
        end = time.monotonic() + STOPPING
        while self.pid is not None and time.monotonic() < end:
            await asyncio.sleep(POLL / 2)
        _signal(pid, signal.SIGKILL)

    async def _start(self) -> asyncio.subprocess.Process:
        self._become("starting")
        _make_room(self.log)
        with self.log.open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                *self.process.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.process.environ),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.pid = child.pid
        return child

    async def _watch(self, began: float) -> None:
        """Ready once; then only the log's size is looked after."""
        while not await asyncio.to_thread(self.process.is_ready):
            await asyncio.sleep(POLL)
        self.took = time.monotonic() - began
        self._become("ready")
        self.ready.set()
        while True:
            await asyncio.sleep(30)
            _make_room(self.log)

    def _become(self, state: State) -> None:
        self.state, self.since = state, time.time()
        self.changed()


def _die_with_parent() -> None:
    """In the child, before it becomes the program: SIGTERM when the supervisor is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _make_room(log: Path) -> None:
    """Writers append, so a log can be copied aside and emptied under them."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.with_suffix(".log.1").write_bytes(log.read_bytes())
        os.truncate(log, 0)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as reply:  # loopback
            return bool(reply.status == 200)
    except (OSError, urllib.error.HTTPError, ValueError):
        return False
