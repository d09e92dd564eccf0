"""The processes of a stack: launched, waited for, replaced, and stopped in reverse order of starting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from oo_contracts.stack_status import ProcessStatus

from oo_local.layout import Layout
from oo_local.process import ManagedProcess, Process

__all__ = ["NotReady", "ProcessGroup"]

POLL_INTERVAL_S = 0.1


class NotReady(Exception):
    """A process that does not become ready; the message says why and where to look."""


@dataclass(slots=True)
class ProcessGroup:
    """Processes by name, in the order of their start; `timeout_s` is how long each may take to become ready."""

    layout: Layout
    changed: Callable[[], None]
    timeout_s: float
    running: dict[str, ManagedProcess] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def launch(self, process: Process, name: str | None = None) -> None:
        """Start a process and keep it running; `name` tells it from another of the same kind that still runs."""
        running = ManagedProcess(process, self.layout.logs / f"{process.name}.log", self.changed)
        key = name or process.name
        self.running[key] = running
        self._tasks[key] = asyncio.create_task(self._keep(running), name=key)

    async def _keep(self, running: ManagedProcess) -> None:
        for name in running.process.after:
            await self.running[name].ready.wait()
        await running.keep()

    async def wait_ready(self, name: str, given_up: Callable[[ManagedProcess], str | None] = lambda _: None) -> float:
        """Wait until a process is ready, and return the seconds since its start.

        `given_up` may return a reason why there is no point in waiting on.

        Raises:
            NotReady: it took longer than `timeout_s`, or was given up.
        """
        running, loop = self.running[name], asyncio.get_running_loop()
        end = loop.time() + self.timeout_s
        while not running.ready.is_set():
            if (reason := given_up(running)) is not None:
                raise NotReady(f"{name} was not ready: {reason}")
            if loop.time() > end:
                raise NotReady(self._late(name))
            await asyncio.sleep(POLL_INTERVAL_S)
        return running.took or 0.0

    def _late(self, name: str) -> str:
        """Return why a process is late, and the log to look at: of one that waits for another, it is the other's."""
        running = self.running[name]
        late = f"{name} was not ready after {self.timeout_s:.0f} s"
        for awaited in running.process.after:
            if not self.running[awaited].ready.is_set():
                return f"{late}: it waits for {awaited}, which {self._reason(awaited)}"
        return f"{late}: it {self._reason(name)}"

    def _reason(self, name: str) -> str:
        running, advice = self.running[name], f"`oo-ml up --timeout {self.timeout_s * 2:.0f}` waits longer"
        log = self.layout.see_log(running.process.name)
        if running.restarts:
            times = "once" if running.restarts == 1 else f"{running.restarts} times"
            return f"ended {times}, last with exit code {running.last_exit}: {log}"
        return f"runs and is still starting, as on a busy machine: {advice}; or {log}"

    def statuses(self) -> tuple[ProcessStatus, ...]:
        """Return the status of each process, in the order of their start."""
        return tuple(
            ProcessStatus(
                name=name,
                state=item.state,
                pid=item.pid,
                port=item.process.port,
                restarts=item.restarts,
                since=item.since,
                took=item.took,
                last_exit=item.last_exit,
            )
            for name, item in self.running.items()
        )

    def succeed(self, name: str, successor: str, predecessor: str) -> None:
        """Give a successor a process's name and its place in the order of stopping; the process becomes the
        predecessor."""
        running, tasks = self.running, self._tasks
        running[name], running[predecessor] = running.pop(successor), running[name]
        tasks[name], tasks[predecessor] = tasks.pop(successor), tasks[name]
        self.changed()

    async def stop(self, name: str) -> None:
        """Stop one process, with all that it has started, and forget it."""
        await self._end(name)
        del self.running[name], self._tasks[name]
        self.changed()

    async def stop_all(self) -> None:
        """Stop all processes in reverse order of starting; they stay in `running`, as stopped."""
        for name in reversed(list(self.running)):
            await self._end(name)
            self.running[name].state = "stopped"

    async def _end(self, name: str) -> None:
        running, task = self.running[name], self._tasks[name]
        await running.stop()
        if running.pid is None and running.state in {"waiting", "restarting"}:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
