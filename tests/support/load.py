"""Calls at a steady rate beside a test, whatever the answers take: an open loop in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from dataclasses import dataclass, field

import httpx

__all__ = ["Load", "under_load"]

ASK = {"user_id": "u-load", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}


@dataclass
class Load:
    """What was answered so far."""

    url: str
    rate: float
    sent: int = 0
    versions: Counter = field(default_factory=Counter)
    degraded: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    async def run(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client, asyncio.TaskGroup() as calls:
            start = asyncio.get_running_loop().time()
            while not self.stopping.is_set():
                calls.create_task(self._call(client))
                self.sent += 1
                await asyncio.sleep(max(0.0, start + self.sent / self.rate - asyncio.get_running_loop().time()))

    async def _call(self, client: httpx.AsyncClient) -> None:
        try:
            reply = await client.post("/score", json=ASK)
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
            return
        if reply.status_code != 200:
            self.failures.append(f"{reply.status_code} {reply.text[:200]}")
            return
        said = reply.json()
        self.versions[(said["model"] or {}).get("version")] += 1
        if said["degraded"]:
            self.degraded[said["degraded"]] += 1


@contextlib.contextmanager
def under_load(url: str, rate: float = 20):
    """Calls go on while the block runs; all are answered when it is left."""
    load = Load(url, rate)
    thread = threading.Thread(target=lambda: asyncio.run(load.run()))
    thread.start()
    try:
        yield load
    finally:
        load.stopping.set()
        thread.join(60)
