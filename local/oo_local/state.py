"""What the supervisor says of itself: a small file that `oo-ml status` reads, whether or not the supervisor lives."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from oo_local.process import Running

__all__ = ["Phase", "ProcessStatus", "StackStatus", "alive", "of", "read", "write"]

Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """`since` is Unix time of the last change of state; `took` seconds from start to ready."""

    name: str
    state: str
    pid: int | None
    port: int
    restarts: int
    since: float
    took: float | None
    last_exit: int | None


@dataclass(frozen=True, slots=True)
class StackStatus:
    """`error` says why a stack failed to start."""

    phase: Phase
    pid: int
    ingress: str
    port: int
    data: str
    nats_url: str
    store_url: str
    mlflow_url: str
    champion: str | None
    challenger: str | None
    error: str | None
    processes: tuple[ProcessStatus, ...]

    @property
    def running(self) -> bool:
        return alive(self.pid) and self.phase != "stopped"


def of(running: Iterable[Running]) -> tuple[ProcessStatus, ...]:
    return tuple(
        ProcessStatus(
            item.process.name,
            item.state,
            item.pid,
            item.process.port,
            item.restarts,
            item.since,
            item.took,
            item.last_exit,
        )
        for item in running
    )


def write(file: Path, status: StackStatus) -> None:
    """Written beside, then moved: nobody reads half of it."""
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(asdict(status), indent=1))
    beside.replace(file)


def read(file: Path) -> StackStatus | None:
    """The last word of a supervisor; None when there never was one."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    return StackStatus(**{**found, "processes": tuple(ProcessStatus(**item) for item in found["processes"])})


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
