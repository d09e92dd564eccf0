"""The supervisor: starts the stack in order, keeps it running, follows the registry, stops it in reverse order."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from oo_local import envoy, models, state
from oo_local.models import Models
from oo_local.process import Process, Running
from oo_local.stack import Stack
from oo_local.state import Phase, StackStatus

__all__ = ["Failed", "Narrator", "Supervisor"]

FOLLOW = 3.0  # seconds between two looks at the registry


class Failed(Exception):
    """The stack could not be started; the message says what and where to look."""


class Narrator(Protocol):
    """Tells a person what happens."""

    def ready(self, name: str, seconds: float) -> None: ...
    def working(self, text: str) -> None: ...
    def detail(self, text: str) -> None: ...
    def done(self, text: str) -> None: ...


@dataclass(slots=True)
class Supervisor:
    """One stack. `run` returns when it was told to stop and everything has ended."""

    stack: Stack
    narrator: Narrator
    models: Models = field(default_factory=Models)
    phase: Phase = "starting"
    error: str | None = None
    running: dict[str, Running] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Everything ready inside; stopped in reverse order when left, however that happens.

        Raises:
            Failed: a part was not ready in time, or the first training failed.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)
        try:
            await self._unless_stopped(self._start())
            if not self.stopping.is_set():
                self._become("ready")
            follower = asyncio.create_task(self._follow())
            yield
            follower.cancel()
        except Failed as error:
            self.error = str(error)
            raise
        finally:
            await self._stop()

    async def _unless_stopped(self, work: Any) -> None:
        """Ctrl-C while starting is a stop, too."""
        task, stop = asyncio.create_task(work), asyncio.create_task(self.stopping.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
        else:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _start(self) -> None:
        layout = self.stack.layout
        self.models = models.remembered(layout.data / "models.json")
        envoy.write(layout, self.stack.values, challenger=False)
        for process in self.stack.base():
            self._launch(process)
        if self.models.champion is None:
            await self._ready("consumers", "mlflow")
            self.models = await self._asked()
        if self.models.champion is None:
            await self._first_model()
        await self._serve()
        for process in self.stack.edge():
            self._launch(process)
        await self._ready(*self.running)

    async def _asked(self) -> Models:
        found = await asyncio.to_thread(models.asked, self.stack.layout.url("mlflow"))
        return Models() if found is None else found

    async def _first_model(self) -> None:
        """A week of simulated events, and the first model trained on them."""
        await self._job("simulating a first week of events", "simulate")
        await self._job("training tip-ranker and registering it with its card", "train")
        self.models = await self._asked()
        if self.models.champion is None:
            raise Failed("training registered no champion: see `oo-ml logs train`")

    async def _job(self, what: str, name: str) -> None:
        """A batch job of the pipelines, its output in a log."""
        self.narrator.working(what)
        command, environ = self.stack.pipeline(name)
        log = self.stack.layout.logs / f"{name}.log"
        with log.open("ab") as out:
            child = await asyncio.create_subprocess_exec(*command, env=environ, stdout=out, stderr=out)
            telling = asyncio.create_task(self._tell(what, log))
            try:
                code = await child.wait()
            except asyncio.CancelledError:
                child.terminate()
                await child.wait()
                raise
            finally:
                telling.cancel()
        if code != 0:
            raise Failed(f"{what} failed: see `oo-ml logs {name}`")
        self.narrator.done(what)

    async def _tell(self, what: str, log: Path) -> None:
        """The job's own progress, as it stands at the end of its log."""
        while True:
            await asyncio.sleep(0.3)
            last = await asyncio.to_thread(_last_words, log)
            self.narrator.detail(f"{what}: {last}")

    async def _serve(self) -> None:
        """The predictors of the versions that the registry names, and the split between them."""
        layout = self.stack.layout
        if self.models.champion is not None:
            await self._serve_version("predictor", self.models.champion)
        if self.models.challenger is not None and self.models.challenger != self.models.champion:
            await self._serve_version("challenger", self.models.challenger)
        models.remember(layout.data / "models.json", self.models)
        envoy.write_split(layout, self.stack.values, challenger="challenger" in self.running)

    async def _serve_version(self, name: str, version: str) -> None:
        process = self.stack.predictor(name, version)
        if name in self.running and self.running[name].process == process:
            return
        if name in self.running:
            await self.running[name].stop()
            await self._tasks[name]
        self._launch(process)
        await self._ready(name)

    async def _follow(self) -> None:
        """When an alias moves, serve what it names now. MLflow being away changes nothing."""
        while True:
            await asyncio.sleep(FOLLOW)
            found = await asyncio.to_thread(models.asked, self.stack.layout.url("mlflow"))
            if found is None or found.champion is None or found == self.models:
                continue
            self.models = found
            try:
                await self._serve()
                self.narrator.done(f"serving champion {found.champion}, challenger {found.challenger or 'none'}")
            except Failed as error:
                self.narrator.done(str(error))
            self.changed()

    def _launch(self, process: Process) -> None:
        running = Running(process, self.stack.layout.logs / f"{process.name}.log", self.changed)
        self.running[process.name] = running
        self._tasks[process.name] = asyncio.create_task(self._kept(running), name=process.name)

    async def _kept(self, running: Running) -> None:
        for name in running.process.after:
            await self.running[name].ready.wait()
        await running.keep()

    async def _ready(self, *names: str) -> None:
        """Wait until they are ready, and tell; a part that takes too long is a failure that names its log."""
        await asyncio.gather(*map(self._one_ready, names))

    async def _one_ready(self, name: str) -> None:
        running = self.running[name]
        if running.ready.is_set():
            return
        try:
            await asyncio.wait_for(running.ready.wait(), running.process.patience)
        except TimeoutError:
            raise Failed(
                f"{name} was not ready after {running.process.patience:.0f} s: see `oo-ml logs {name}`"
            ) from None
        self.narrator.ready(name, running.took or 0.0)

    async def _stop(self) -> None:
        """In reverse order of starting, one after the other."""
        self._become("stopping")
        for name in reversed(list(self.running)):
            running, task = self.running[name], self._tasks[name]
            await running.stop()
            if running.pid is None and running.state in {"waiting", "restarting"}:
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            running.state = "stopped"
        self._become("failed" if self.error else "stopped")

    def _become(self, phase: Phase) -> None:
        self.phase = phase
        self.changed()

    def changed(self) -> None:
        """Tell the status file."""
        layout = self.stack.layout
        status = StackStatus(
            phase=self.phase,
            pid=os.getpid(),
            ingress=layout.url("ingress"),
            port=layout.port,
            data=str(layout.data),
            nats_url=layout.nats_url,
            store_url=layout.store_url,
            mlflow_url=layout.url("mlflow"),
            champion=self.models.champion,
            challenger=self.models.challenger,
            error=self.error,
            processes=state.of(self.running.values()),
        )
        state.write(layout.status, status)


def _last_words(log: Path) -> str:
    """The last line of a log, or what stands on it since it was last overwritten."""
    return re.split(r"[\r\n]|\x1b\[K", log.read_text(errors="replace").rstrip())[-1]
