"""The health of the readers of events: a process that is up may still make no progress."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import replace

from oo_contracts.stack_status import ProcessStatus, StackStatus

__all__ = ["READERS", "examine"]

READERS = {"consumers": "oo_consumer_lag", "lake": "oo_lake_lag", "beliefs": None}  # with each one's metric of its lag
TIMEOUT_S = 3.0


def examine(status: StackStatus) -> StackStatus:
    """Return the status with each reader's obstacle and lag at present."""
    if not status.running:
        return status
    return replace(status, processes=tuple(map(_examine, status.processes)))


def _examine(process: ProcessStatus) -> ProcessStatus:
    if process.name not in READERS or process.state != "ready":
        return process
    code, body = _answer(process.port, "/healthz/ready")
    obstacle = None if code == 200 else _obstacle(body)
    return replace(process, state="stuck" if obstacle else "ready", obstacle=obstacle, lag=_lag(process))


def _obstacle(body: str) -> str:
    try:
        return str(json.loads(body)["status"])
    except (ValueError, KeyError, TypeError):
        return "does not answer"


def _lag(process: ProcessStatus) -> float | None:
    """Return how many events wait for all readers of a process together; None where it is not known."""
    metric = READERS[process.name]
    if metric is None:
        return None
    _, body = _answer(process.port, "/metrics")
    return _sum(line.rpartition(" ")[2] for line in body.splitlines() if line.startswith(metric + "{"))


def _sum(numbers: Iterable[str]) -> float | None:
    values = [float(number) for number in numbers]
    return None if not values or any(number != number for number in values) else sum(values)  # noqa: PLR0124  # NaN


def _answer(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=TIMEOUT_S) as reply:  # loopback
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
