"""The command `oo-ml down`."""

from __future__ import annotations

import os
import signal
import time

from oo_contracts.stack_status import StackStatus, is_alive, read_status

from oo_cli.options import DEFAULT_DATA_DIR, Data
from oo_cli.terminal import console, refuse

__all__ = ["run"]

STOP_TIMEOUT_S = 60.0  # seconds for everything to stop


def run(data: Data = DEFAULT_DATA_DIR) -> None:
    """Stop a detached stack, everything in reverse order; its data stays."""
    status = read_status(data)
    if status is None or not status.running:
        console.print("nothing is running")
        return
    if not _stop(status):
        refuse(f"process {status.pid} did not end; see {status.data}/logs", 1)
    console.print("stopped")


def _stop(status: StackStatus) -> bool:
    """Signal the supervisor to stop, wait for it, and return whether it ended."""
    os.kill(status.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_TIMEOUT_S
    while is_alive(status.pid) and time.monotonic() < end:
        time.sleep(0.1)
    return not is_alive(status.pid)
