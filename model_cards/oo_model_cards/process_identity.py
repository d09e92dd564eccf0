"""The identity of a process, and whether the process that wrote it down still runs, as far as that can be seen from
here."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict

__all__ = ["ProcessIdentity", "current", "is_running"]

PROC = Path("/proc")
ENDED = frozenset("ZX")  # states of a process that was killed and that nobody waited for


class ProcessIdentity(BaseModel):
    """What identifies a process: its number alone does not, since it is used again and each container counts anew.

    `space` is where the number means something (host, boot and PID namespace; empty where there is no /proc), `started`
    when the process started, in ticks since boot.
    """

    model_config = ConfigDict(frozen=True)

    host: str
    space: str
    pid: int
    started: str


def current() -> ProcessIdentity:
    """Return the identity of this process."""
    pid = os.getpid()
    return ProcessIdentity(host=socket.gethostname(), space=_space(), pid=pid, started=_started(pid) or "")


def is_running(process: ProcessIdentity) -> bool | None:
    """Return whether the process still runs; None when that cannot be seen from here.

    The identity of this very process gives None, too: a restarted container may have the same one.
    """
    own = current()
    if not own.space or process.space != own.space or process == own:
        return None
    return _started(process.pid) == process.started


def _space() -> str:
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """Return the start time of a process in ticks since boot; None if there is none, or it has ended."""
    try:
        facts = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()  # the name before may hold anything
    except OSError:
        return None
    return None if facts[0] in ENDED else facts[19]
