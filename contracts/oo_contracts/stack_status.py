"""The status of an embedded stack: the file that its supervisor writes, and by which commands find the stack.

It is there whether or not the supervisor lives, and is read from the folder of the stack's data.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = [
    "DEFAULT_DATA_DIR",
    "Phase",
    "ProcessStatus",
    "StackStatus",
    "data_option",
    "is_alive",
    "read_status",
    "status_file",
    "write_status",
]

DEFAULT_DATA_DIR = Path(".oo-ml")
Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """The status of one process.

    `since` is the Unix time of the last change of state; `took` the seconds from start to ready. For a reader of events
    whose health was asked for, `obstacle` is what keeps it from its work, and `lag` how many events wait for it.
    """

    name: str
    state: str
    pid: int | None
    port: int
    restarts: int
    since: float
    took: float | None
    last_exit: int | None
    obstacle: str | None = None
    lag: float | None = None


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The status of the stack.

    `error` says why it failed to start; a warning what of a running one is not as the registry has it.
    """

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
    warnings: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether the supervisor runs; after its last status it does not, though its process number may be another's
        by now."""
        return self.phase not in {"stopped", "failed"} and is_alive(self.pid)


def status_file(data: Path) -> Path:
    """Return the file with the status of the stack whose data is in a folder."""
    return data / "run" / "status.json"


def data_option(data: Path) -> str:
    """Return the option by which a command finds the stack of a folder; empty where commands look by default."""
    return "" if data.absolute() == DEFAULT_DATA_DIR.absolute() else f" --data {shlex.quote(str(data.absolute()))}"


def write_status(status: StackStatus) -> None:
    """Write beside, then move, so that nobody reads half of it."""
    file = status_file(Path(status.data))
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(asdict(status), indent=1))
    beside.replace(file)


def read_status(data: Path) -> StackStatus | None:
    """Return the last status of the stack of a folder; None when there never was one."""
    try:
        parsed_json: dict[str, Any] = json.loads(status_file(data).read_text())
    except FileNotFoundError:
        return None
    processes = tuple(ProcessStatus(**item) for item in parsed_json["processes"])
    return StackStatus(**{**parsed_json, "processes": processes, "warnings": tuple(parsed_json.get("warnings", ()))})


def is_alive(pid: int) -> bool:
    """Return whether the process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
