"""The foreground as a person uses it: Ctrl-C stops everything, a second start is quick and keeps what there was."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from oo_consumers.effect_store import Store
from oo_local.layout import OFFSETS
from waiting import eventually, listens

pytestmark = pytest.mark.embedded("it is about the foreground of `oo-ml up`")


def counts(stack):
    store = Store.open(stack.store_url)
    try:
        return store.counts()
    finally:
        store.close()


def test_ctrl_c_stops_everything_and_the_next_start_keeps_the_data(stack):
    champion, before = stack.status()["champion"], counts(stack)
    stack.oo_ml("down")
    assert not any(listens(stack.port + offset) for offset in OFFSETS.values())

    environ = os.environ | {"OO_LOCAL_DATA": str(stack.data)}
    process = subprocess.Popen([stack.program, "up"], env=environ, stdout=subprocess.PIPE, text=True)
    assert eventually(lambda: stack.status()["phase"] == "ready" and stack.status()["pid"] == process.pid, patience=90)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "simulating" not in said
    assert "stopped" in said
    reported = {line.split()[1] for line in said.splitlines() if " ready " in line}
    assert {"nats", "mlflow", "consumers", "predictor", "envoy-1"} <= reported
    assert not any(listens(stack.port + offset) for offset in OFFSETS.values())

    stack.oo_ml("up", "--detach")
    assert stack.status()["champion"] == champion
    assert all(counts(stack)[name] >= number for name, number in before.items())
    assert stack.post("/score", {"user_id": "u", "tasks": [{"id": "1"}]}).json()["degraded"] is None


def test_a_running_stack_is_not_started_twice(stack):
    done = stack.oo_ml("up", check=False)

    assert done.returncode == 1
    assert "already running" in done.stderr
