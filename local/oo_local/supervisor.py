"""The supervisor: starts the stack in order, keeps it running, follows the registry, stops it in reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from oo_contracts.stack_status import Phase, StackStatus, write_status
from oo_features.feature_sets import RANKER_V1

from oo_local import envoy, served_versions
from oo_local.bluegreen import Predictors
from oo_local.envoy import Split
from oo_local.first_jobs import FIRST_JOBS, ProgressReporter, StartFailed, run_job
from oo_local.group import NotReady, ProcessGroup
from oo_local.layout import SLOTS
from oo_local.served_versions import ServedVersions
from oo_local.stack import Stack

__all__ = ["Supervisor"]

FOLLOW_INTERVAL_S = 3.0  # seconds between two reads of the registry's aliases


@dataclass(slots=True)
class Supervisor:
    """The supervisor of one stack; `stopping` is set when it is to stop."""

    stack: Stack
    progress: ProgressReporter
    timeout_s: float
    phase: Phase = "starting"
    error: str | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    group: ProcessGroup = field(init=False)
    predictors: Predictors = field(init=False)
    _announced: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.group = ProcessGroup(self.stack.layout, self.changed, self.timeout_s)
        self.predictors = Predictors(self.stack, self.group, RANKER_V1.ref)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Have everything ready inside; stop it in reverse order when the block is left, however that happens.

        Raises:
            StartFailed: a part was not ready in time, or the first training failed.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)
        try:
            await self._unless_stopped(self._start())
            if not self.stopping.is_set():
                self._become("ready")
            async with self._following():
                yield
        except StartFailed as error:
            self.error = str(error)
            raise
        finally:
            await self._stop()

    async def _unless_stopped(self, work: Any) -> None:
        """Do the work, or cancel it when the stack is stopped while it starts."""
        task, stop = asyncio.create_task(work), asyncio.create_task(self.stopping.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
        else:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _start(self) -> None:
        layout, predictors = self.stack.layout, self.predictors
        predictors.wanted = served_versions.load_remembered(layout.data / "models.json")
        envoy.write(layout, self.stack.values, Split())
        for process in self.stack.base():
            self.group.launch(process)
        if predictors.wanted.champion is None:
            await self._ready("consumers", "mlflow")
            predictors.wanted = await self._read_aliases()
        if predictors.wanted.champion is None:
            await self._first_model()
        await self._serve()
        for process in self.stack.edge():
            self.group.launch(process)
        await self._ready(*self.group.running)

    async def _serve(self) -> None:
        """Serve what the registry names, before there are calls.

        Raises:
            StartFailed: there is no champion, without which there is no stack.
        """
        for name in SLOTS:
            await self.predictors.serve_wanted(name)
        if self.predictors.served.champion is None:
            raise StartFailed(self.predictors.warnings["predictor"])
        served_versions.remember(self.stack.layout.data / "models.json", self.predictors.served)

    async def _read_aliases(self) -> ServedVersions:
        """Return what MLflow's aliases name; nothing when it does not answer."""
        aliases = await asyncio.to_thread(served_versions.read_aliases, self.stack.layout.url("mlflow"))
        return ServedVersions() if aliases is None else aliases

    async def _first_model(self) -> None:
        """Simulate a week of events, and train the first model on them.

        Raises:
            StartFailed: one of the jobs failed, or registered no champion.
        """
        for title, name in FIRST_JOBS.items():
            await run_job(self.stack, self.progress, title, name)
        self.predictors.wanted = await self._read_aliases()
        if self.predictors.wanted.champion is None:
            raise StartFailed(f"training registered no champion: {self.stack.layout.see_log('train')}")

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        """Serve, inside the block, what an alias names when it moves; while MLflow is away nothing changes."""
        tasks = [asyncio.create_task(work) for work in (self._poll_aliases(), *map(self._follow, SLOTS))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _poll_aliases(self) -> None:
        """Read the aliases, also while a version becomes ready: an alias that moves on, or back, gives that up."""
        while True:
            await asyncio.sleep(FOLLOW_INTERVAL_S)
            aliases = await asyncio.to_thread(served_versions.read_aliases, self.stack.layout.url("mlflow"))
            if aliases is not None and aliases.champion is not None:
                self.predictors.wanted = aliases

    async def _follow(self, name: str) -> None:
        while True:
            await asyncio.sleep(FOLLOW_INTERVAL_S / 10)
            if not await self.predictors.serve_wanted(name):
                continue
            served = self.predictors.served
            served_versions.remember(self.stack.layout.data / "models.json", served)
            self.progress.done(f"serving champion {served.champion}, challenger {served.challenger or 'none'}")
            for warning in self.warnings:
                self.progress.warn(warning)
            self.changed()

    async def _ready(self, *names: str) -> None:
        """Wait until these parts are ready, and report each once.

        Raises:
            StartFailed: a part took too long; the message names its log.
        """
        await asyncio.gather(*map(self._one_ready, names))

    async def _one_ready(self, name: str) -> None:
        if name in self._announced:
            return
        try:
            seconds = await self.group.wait_ready(name)
        except NotReady as error:
            raise StartFailed(str(error)) from None
        self._announced.add(name)
        self.progress.ready(name, seconds)

    async def _stop(self) -> None:
        self._become("stopping")
        await self.group.stop_all()
        self._become("failed" if self.error else "stopped")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not as it should be although everything runs, each with what to do."""
        mismatch, data = self.predictors.mismatch, self.stack.layout.data_option
        features = (
            f"every /score is degraded, for {mismatch}. Take the change of features back; or train a version with it "
            f"(`oo-ml train{data}` when enough rounds have closed, `python -m oo_pipelines train --backfill FILE` now) "
            "and make it champion; or start with a new folder, `oo-ml up --data NEW`, which trains its own first model"
        )
        return (*([features] if mismatch else []), *self.predictors.warnings.values())

    def _become(self, phase: Phase) -> None:
        self.phase = phase
        self.changed()

    def changed(self) -> None:
        """Write the status file."""
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
            champion=self.predictors.served.champion,
            challenger=self.predictors.served.challenger,
            error=self.error,
            processes=self.group.statuses(),
            warnings=self.warnings,
        )
        write_status(status)
