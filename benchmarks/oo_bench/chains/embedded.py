"""Ours as the embedded stack runs it: two Envoys, two transformers and a predictor, without and with consumers.

Of what `oo-ml up` starts, MLflow, LiteLLM and the language model are left out: no call of `/score` meets them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from oo_local import envoy
from oo_local.envoy import Split
from oo_local.layout import Layout, PortTaken, check_ports
from oo_local.process import Process
from oo_local.stack import Stack
from oo_local.start import stack_of

from oo_bench.chains import ours
from oo_bench.chains.side import Side
from oo_bench.event_backlog import wait_until_consumed
from oo_bench.processes import Processes, free_port

__all__ = ["Embedded", "envoy_sides", "find_layout", "stack_sides"]

LAKE_DELAY_S = 2.2  # an event may wait 2 s for others of its transaction in the offline log


@dataclass(frozen=True, slots=True)
class Embedded:
    """One such stack; its processes have a prefix in the names of logs, and none in figures."""

    stack: Stack
    processes: Processes
    prefix: str

    @property
    def layout(self) -> Layout:
        """Its ports and folders."""
        return self.stack.layout

    def launch(self, process: Process, **environ: object) -> None:
        """Start one process of it."""
        self.processes.launch(replace(process, name=f"{self.prefix}-{process.name}"), **environ)

    def start_edge(self, folder: Path) -> None:
        """Start what answers calls."""
        layout = self.layout
        envoy.write(layout, self.stack.values, Split())
        name, port = f"{self.prefix}-predictor", layout.at("predictor")
        ours.start_predictor(self.processes, folder, layout.nats_url, name=name, port=port)
        for number in (1, 2):
            self.launch(self.stack.transformer(number), OO_TRANSFORMER_BUDGET_MS=ours.BUDGET_MS)
            self.launch(self.stack.envoy(number))

    def pids(self) -> dict[str, int]:
        """Return the process numbers by name; what there are two of has both under its number."""
        start = f"{self.prefix}-"
        running = self.processes.running.items()
        return {name.removeprefix(start): child.pid for name, child in running if name.startswith(start)}

    async def settle(self) -> None:
        """Wait until all events are in the effect store and in the offline log."""
        await wait_until_consumed(self.layout.nats_url)
        await asyncio.sleep(LAKE_DELAY_S)


def find_layout(data: Path) -> Layout:
    """Return a layout whose ports are all free."""
    while True:
        layout = Layout(data, free_port())
        try:
            check_ports(layout)
        except (PortTaken, OverflowError):  # beyond 65,535 there is no port
            continue
        return layout


def _prepare(processes: Processes, folder: Path, prefix: str) -> Embedded:
    embedded = Embedded(stack_of(find_layout(folder / prefix)), processes, prefix)
    embedded.launch(embedded.stack.nats())
    processes.wait_until_ready(f"{prefix}-nats")
    asyncio.run(ours.make_streams(embedded.layout.nats_url))
    return embedded


def envoy_sides(processes: Processes, folder: Path, titles: Mapping[str, str]) -> tuple[Side]:
    """Start a stack without consumers, and return it as one side."""
    embedded = _prepare(processes, folder, "envoy")
    embedded.start_edge(folder)
    return (ours.score_side("envoy", titles["envoy"], embedded.layout.port, embedded.pids()),)


def stack_sides(processes: Processes, folder: Path, titles: Mapping[str, str]) -> tuple[Side]:
    """Start a whole stack, and return it as one side that settles when its consumers have done their work."""
    embedded = _prepare(processes, folder, "stack")
    for process in embedded.stack.consumers():
        embedded.launch(process)
    embedded.start_edge(folder)
    side = ours.score_side("stack", titles["stack"], embedded.layout.port, embedded.pids())
    return (replace(side, settle=embedded.settle, layout=embedded.layout),)
