"""The processes that a run starts: each has a log, all end with the run, and one that ends before ends the run."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from oo_local.process import Process
from oo_local.process_environment import process_environment

__all__ = ["ProcessEnded", "Processes", "free_port"]

START_TIMEOUT_S = 120.0  # for a process to be ready: many start at once, on a machine that may do other things
STOP_TIMEOUT_S = 10.0  # to end after SIGTERM, then SIGKILL
POLL_INTERVAL_S = 0.05
LOG_LINES = 20  # of a process that ended


class ProcessEnded(Exception):
    """A process ended, or was never ready; the message has its last log lines."""


@dataclass(slots=True)
class Processes:
    """Processes by name; their logs are in a folder."""

    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    _waiting: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def start(
        self, name: str, command: Sequence[object], port: int, ready_path: str | None = None, **environ: object
    ) -> None:
        """Start a program, with one thread for arithmetic."""
        variables = process_environment(**{key: str(value) for key, value in environ.items()})
        self.launch(Process(name, tuple(map(str, command)), port, variables, ready_path))

    def launch(self, process: Process, **environ: object) -> None:
        """Start a process of the embedded stack, with some variables of its environment replaced."""
        variables: Mapping[str, str] = {**process.environ, **{key: str(value) for key, value in environ.items()}}
        with self.log(process.name).open("ab") as log:
            self.running[process.name] = subprocess.Popen(  # noqa: S603  # programs of ours
                process.command, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.ports[process.name] = process.port
        self._waiting.append(process)

    def wait_until_ready(self, *names: str) -> None:
        """Wait for some processes, or for everything that was started.

        Raises:
            ProcessEnded: one of them ended, or was not ready in time.
        """
        end = time.monotonic() + START_TIMEOUT_S
        for process in [item for item in self._waiting if item.name in (names or self.running)]:
            while not process.is_ready():
                self.check()
                if time.monotonic() > end:
                    raise ProcessEnded(
                        f"{process.name} is not ready after {START_TIMEOUT_S:g} s{self._tail(process.name)}"
                    )
                time.sleep(POLL_INTERVAL_S)
            self._waiting.remove(process)

    def check(self) -> None:
        """Check that everything runs.

        Raises:
            ProcessEnded: a process has ended.
        """
        for name, child in self.running.items():
            if child.poll() is not None:
                raise ProcessEnded(f"{name} ended with exit code {child.returncode}{self._tail(name)}")

    def pids(self, *names: str) -> dict[str, int]:
        """Return process numbers by name."""
        return {name: self.running[name].pid for name in names}

    def log(self, name: str) -> Path:
        """Return the log of a process."""
        return self.folder / f"{name}.log"

    def _tail(self, name: str) -> str:
        lines = self.log(name).read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "; its last lines:\n" + "\n".join(f"  {line}" for line in lines) if lines else "; its log is empty"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop all, the last started first."""
        children = list(self.running.values())[::-1]
        for child in children:
            child.send_signal(signal.SIGCONT)  # a frozen process would not see the next one
            child.send_signal(signal.SIGTERM)
        end = time.monotonic() + STOP_TIMEOUT_S
        for child in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, end - time.monotonic()))
            child.kill()
            child.wait()


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
