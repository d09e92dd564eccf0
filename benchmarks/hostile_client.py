"""A client that does its worst: `hostile_client.py PORT RATE` sends RATE calls a second until SIGTERM.

It does not wait for an answer before it goes on. When all are answered, it prints how many had which status.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import os
import signal
import sys
from collections import Counter
from typing import Any

V1, V2 = "/v1/models/tip-ranker:predict", "/v2/models/tip-ranker/infer"
USER = {"user_id": "u-hostile"}
SMALL = {**USER, "tasks": [{"id": "t-1", "content": "x"}]}


def tasks(count: int, **more: object) -> list[dict[str, object]]:
    due = {"date": "2026-11-23", "string": "today", "is_recurring": False}
    return [
        {"id": f"t-{place}", "content": "x" * 100, "due": due, "labels": ["home"], **more} for place in range(count)
    ]


def texts(bodies: list[Any]) -> dict[str, object]:
    data = [json.dumps(body) for body in bodies]
    return {"inputs": [{"name": "b", "datatype": "BYTES", "shape": [len(data)], "data": data}]}


def long_names() -> list[dict[str, str]]:
    return [{"id": f"{place}-{'c' * 110}", "task_id": f"t-{place}"} for place in range(500)]


ODD = {"checked": None, "priority": "4", "due": "soon", "labels": [None, 1], "createdAt": 5}
BODIES = {
    "1,000 tasks": ("/score", {**USER, "tasks": tasks(1_000, description="y" * 1_200)}),
    "wrong labels": ("/score", {**USER, "tasks": [{"id": "t", "labels": [1] * 600_000}]}),
    "1,000 odd tasks": ("/score", {**USER, "tasks": tasks(1_000, **ODD)}),
    "unknown keys": ("/score", {**USER, **{f"{place}": 1 for place in range(45_000)}}),
    "500 tasks, 500 candidates": ("/score", {**USER, "tasks": tasks(500), "candidates": long_names()}),
    "20,000 instances": (V1, {"instances": [SMALL] * 20_000}),
    "32 instances": (V1, {"instances": [{**USER, "tasks": tasks(46)}] * 32}),
    "20,000 texts": (V2, texts([SMALL] * 20_000)),
    "unknown keys in a text": (V2, texts([{**USER, **{f"{place}": 1 for place in range(45_000)}}])),
}


def request(path: str, body: bytes, **headers: object) -> bytes:
    head = {"host": "127.0.0.1", "content-type": "application/json", "content-length": len(body), "connection": "close"}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (head | headers).items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def requests() -> list[bytes]:
    plain = [request(path, json.dumps(body).encode()) for path, body in BODIES.values()]
    bomb = gzip.compress(b" " * (64 << 20))
    return [*plain, request("/score", bomb, **{"content-encoding": "gzip"})]


async def call(port: int, data: bytes) -> str:
    """The status of one call; `cut` when there was none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        writer.write(data)
        line = await reader.readline()
        while await reader.read(1 << 16):
            pass
    return line.split()[1].decode() if line else "cut"


async def run(port: int, rate: float) -> None:
    stop = asyncio.Event()
    statuses: Counter[str] = Counter()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def counted(data: bytes) -> None:
        try:
            statuses[await call(port, data)] += 1
        except OSError as error:
            statuses[type(error).__name__] += 1

    start = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as calls:
        print("ready", flush=True)
        for place, data in enumerate(itertools.cycle(requests())):
            delay = start + place / rate - asyncio.get_running_loop().time()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, delay))
                break
            calls.create_task(counted(data))
    print(json.dumps(statuses), flush=True)


if __name__ == "__main__":
    os.nice(19)  # from a machine of its own it would take no time from whom it attacks
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    asyncio.run(run(int(sys.argv[1]), float(sys.argv[2])))
