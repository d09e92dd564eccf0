"""One program that is kept running: started, waited for, restarted with growing pauses, stopped.

It runs in a session of its own, so that Ctrl-C reaches only the supervisor, which then stops everything in order; and
the kernel signals it to stop when the supervisor dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import http.client
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

__all__ = ["ManagedProcess", "Process", "State"]

State = Literal["waiting", "starting", "ready", "restarting", "stopped", "failed"]

MIN_RESTART_DELAY_S, MAX_RESTART_DELAY_S = 0.5, 15.0  # seconds before a restart; doubled each time
SETTLED_AFTER_S = 30.0  # seconds after which a process that ran counts as healthy again
STOP_TIMEOUT_S = 12.0  # seconds to end after SIGTERM, then SIGKILL
POLL_INTERVAL_S = 0.1
MAX_LOG_BYTES = 8 << 20  # bytes of a log; then it is moved aside, and one older one is kept
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Process:
    """What to start, and how to know that it is ready: an HTTP path that responds with 200, or an open port."""

    name: str
    command: tuple[str, ...]
    port: int
    environ: Mapping[str, str] = field(default_factory=dict)
    ready_path: str | None = None
    after: tuple[str, ...] = ()

    def is_ready(self) -> bool:
        """Return whether the program is ready now."""
        return _listens(self.port) if self.ready_path is None else _answers(self.port, self.ready_path)


@dataclass(slots=True)
class ManagedProcess:
    """A process and its state so far; `changed` is called at every change of state."""

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
        """Start the program, and start it again whenever it ends, until it is stopped."""
        pause = MIN_RESTART_DELAY_S
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
            pause = (
                MIN_RESTART_DELAY_S
                if time.monotonic() - began > SETTLED_AFTER_S
                else min(MAX_RESTART_DELAY_S, pause * 2)
            )
            self.restarts += 1
            self._become("restarting")
            await asyncio.sleep(pause)
        self._become("stopped")

    async def stop(self) -> None:
        """Send SIGTERM to its whole session, then SIGKILL."""
        self._stopping = True
        if self.pid is None:
            return
        pid = self.pid
        _signal(pid, signal.SIGCONT)  # a frozen process would not see the next one
        _signal(pid, signal.SIGTERM)
        end = time.monotonic() + STOP_TIMEOUT_S
        while self.pid is not None and time.monotonic() < end:
            await asyncio.sleep(POLL_INTERVAL_S / 2)
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
        if self._stopping:  # stop() came before there was a number to signal; it has nothing to finish yet
            _signal(child.pid, signal.SIGKILL)
        return child

    async def _watch(self, began: float) -> None:
        """Note when the program becomes ready; then only bound the size of its log."""
        while not await asyncio.to_thread(self.process.is_ready):
            await asyncio.sleep(POLL_INTERVAL_S)
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
    """Ask, in the child before it becomes the program, for SIGTERM when the supervisor is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _make_room(log: Path) -> None:
    """Copy a large log aside and empty it, which works under its writers because they append."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
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
    except (OSError, http.client.HTTPException, ValueError):
        return False
