"""The start of a stack: what keeps it from being ready, whose log tells more, and what is warned of."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from oo_contracts.stack_status import read_status
from oo_local.group import NotReady, ProcessGroup
from oo_local.layout import Layout
from oo_local.process import Process
from oo_local.stack import Stack
from oo_local.supervisor import Supervisor
from waiting import free_port

LISTEN = "import socket,sys,time; s=socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(1000)"


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path, 8080)
    layout.run.mkdir()
    layout.logs.mkdir()
    return layout


def test_a_champion_of_other_features_is_a_warning_that_says_what_to_do(layout):
    stack = Stack(layout, None, {}, "sk-key")
    supervisor = Supervisor(stack, None, 1)
    assert supervisor.warnings == ()

    supervisor.predictors.mismatch = "the champion, version 1, was trained on a@1, and this code computes a@2"
    supervisor.changed()

    (warning,) = read_status(layout.data).warnings
    assert "every /score is degraded, for the champion, version 1, was trained on a@1" in warning
    assert f"`oo-ml train --data {layout.data}`" in warning


# Who is late, and whose log it is


def group(layout, **programs):
    """Processes by name; one that is given as a pair waits for another."""
    group = ProcessGroup(layout, lambda: None, 2)
    for name, program in programs.items():
        code, *after = program if isinstance(program, tuple) else (program,)
        port = free_port()
        command = (sys.executable, "-c", code, str(port))
        group.launch(Process(name, command, port, dict(os.environ), after=tuple(after)))
    return group


@pytest.mark.parametrize(
    ("programs", "late", "said"),
    [
        pytest.param(
            {"mlflow": "import time; time.sleep(1000)"},
            "mlflow",
            "mlflow was not ready after 2 s: it runs and is still starting, as on a busy machine: "
            "`oo-ml up --timeout 4` waits longer; or see `oo-ml logs mlflow --data {data}`",
            id="slow",
        ),
        pytest.param(
            {"mlflow": "raise SystemExit(3)"},
            "mlflow",
            "mlflow was not ready after 2 s: it ended ",
            id="ends",
        ),
        pytest.param(
            {"nats": "import time; time.sleep(1000)", "lake": (LISTEN, "nats")},
            "lake",
            "lake was not ready after 2 s: it waits for nats, which runs and is still starting, as on a busy machine: "
            "`oo-ml up --timeout 4` waits longer; or see `oo-ml logs nats --data {data}`",
            id="waits for a slow one",
        ),
    ],
)
async def test_who_is_late_is_told_with_the_right_log(layout, programs, late, said):
    processes = group(layout, **programs)

    with pytest.raises(NotReady) as refused:
        await processes.wait_ready(late)
    await processes.stop_all()

    assert str(refused.value).startswith(said.format(data=layout.data))
    assert f"--data {layout.data}" in str(refused.value)


async def test_longer_patience_is_enough_for_a_slow_one(layout):
    processes = group(layout, slow="import time; time.sleep(3)\n" + LISTEN)
    processes.timeout_s = 60

    await asyncio.wait_for(processes.wait_ready("slow"), 60)

    await processes.stop_all()


@pytest.mark.parametrize("turns", range(5))
async def test_a_process_that_is_just_being_started_is_stopped(layout, turns):
    processes = group(layout, program="import time; time.sleep(1000)")
    running = processes.running["program"]
    for _ in range(turns):  # of the loop: before, while and after it gets its number
        await asyncio.sleep(0)

    await asyncio.wait_for(processes.stop("program"), 20)

    assert (processes.running, running.pid) == ({}, None)
