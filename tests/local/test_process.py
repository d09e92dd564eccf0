"""Processes that are kept running: with tiny programs that listen, die or refuse to end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap

from oo_contracts.stack_status import is_alive
from oo_local.process import ManagedProcess, Process
from waiting import eventually, free_port, listens

LISTEN = "import socket,sys,time; s=socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(1000)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LISTEN


def program(code, port, **more):
    return Process("part", (sys.executable, "-c", code, str(port)), port, dict(os.environ), **more)


def running(tmp_path, process):
    states = []
    part = ManagedProcess(process, tmp_path / "part.log", lambda: states.append(part.state))
    return part, states


async def until(ask, patience=20.0):
    async with asyncio.timeout(patience):
        while not ask():
            await asyncio.sleep(0.02)


async def test_a_part_becomes_ready_and_stops(tmp_path):
    part, states = running(tmp_path, program(LISTEN, free_port()))
    keeping = asyncio.create_task(part.keep())

    await asyncio.wait_for(part.ready.wait(), 20)
    pid = part.pid
    await part.stop()
    await asyncio.wait_for(keeping, 20)

    assert states == ["starting", "ready", "stopped"]
    assert not is_alive(pid)


async def test_a_part_that_dies_is_started_again(tmp_path):
    part, states = running(tmp_path, program(LISTEN, free_port()))
    keeping = asyncio.create_task(part.keep())
    await asyncio.wait_for(part.ready.wait(), 20)
    first = part.pid

    os.kill(first, signal.SIGKILL)
    await until(lambda: part.restarts == 1 and part.state == "ready")

    assert part.pid != first
    assert part.last_exit == -signal.SIGKILL
    assert states == ["starting", "ready", "restarting", "starting", "ready"]
    await part.stop()
    await keeping


async def test_pauses_grow_between_restarts(tmp_path):
    loop, times = asyncio.get_running_loop(), []  # from a restart's announcement to its start: no program runs between
    part = ManagedProcess(
        program("raise SystemExit(3)", free_port()), tmp_path / "part.log", lambda: times.append(loop.time())
    )
    keeping = asyncio.create_task(part.keep())

    await until(lambda: part.restarts == 3)
    keeping.cancel()

    _, ended, started, ended_again, started_again, _ = times
    assert started_again - ended_again > 1.3 * (started - ended)
    assert part.last_exit == 3


async def test_a_part_that_refuses_to_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("oo_local.process.STOP_TIMEOUT_S", 0.5)
    part, _ = running(tmp_path, program(STUBBORN, free_port()))
    keeping = asyncio.create_task(part.keep())
    await asyncio.wait_for(part.ready.wait(), 20)

    await part.stop()
    await asyncio.wait_for(keeping, 20)

    assert part.last_exit == -signal.SIGKILL


async def test_a_frozen_part_can_be_stopped(tmp_path):
    part, _ = running(tmp_path, program(LISTEN, free_port()))
    keeping = asyncio.create_task(part.keep())
    await asyncio.wait_for(part.ready.wait(), 20)

    os.kill(part.pid, signal.SIGSTOP)
    await part.stop()
    await asyncio.wait_for(keeping, 20)

    assert part.last_exit == -signal.SIGTERM


async def test_the_children_of_a_dead_part_do_not_keep_its_port(tmp_path):
    port = free_port()
    forks = (
        f"import subprocess,sys,time; subprocess.Popen([sys.executable, '-c', {LISTEN!r}, '{port}']); time.sleep(1000)"
    )
    part, _ = running(tmp_path, program(forks, port))
    keeping = asyncio.create_task(part.keep())
    await asyncio.wait_for(part.ready.wait(), 20)

    os.kill(part.pid, signal.SIGKILL)
    await until(lambda: part.state == "restarting")

    assert eventually(lambda: not listens(port))  # the loop stands still meanwhile, so nothing is started again
    await until(lambda: part.state == "ready")
    await part.stop()
    await keeping


async def test_what_it_says_is_in_its_log(tmp_path):
    part, _ = running(tmp_path, program("print('out', flush=True); import sys; sys.stderr.write('err')", free_port()))
    keeping = asyncio.create_task(part.keep())

    await until(lambda: part.restarts == 1)
    keeping.cancel()

    assert {"out", "err"} <= set(part.log.read_text().replace("err", " err ").split())


def test_parts_end_when_the_supervisor_is_killed(tmp_path):
    port = free_port()
    code = textwrap.dedent(f"""
        import asyncio, pathlib, sys
        from oo_local.process import Process, ManagedProcess
        process = Process("part", (sys.executable, "-c", {LISTEN!r}, "{port}"), {port}, {{}})
        log = pathlib.Path({str(tmp_path)!r}) / "part.log"
        part = ManagedProcess(process, log, lambda: print(part.pid, flush=True))
        asyncio.run(part.keep())
    """)
    supervisor = subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True)
    pids = [supervisor.stdout.readline().strip(), supervisor.stdout.readline().strip()]

    supervisor.kill()
    supervisor.wait()

    supervisor.stdout.close()
    assert eventually(lambda: not is_alive(int(pids[1])))
