"""Where the time of a call goes in the transformer, by the `server-timing` header of its replies."""

from __future__ import annotations

import statistics
from collections import defaultdict

from oo_bench.http_caller import TIMEOUT_S, HttpCaller

__all__ = ["measure_server_timing", "parse_server_timing"]


async def measure_server_timing(caller: HttpCaller, calls: int) -> dict[str, float]:
    """Return the median ms of each part over some calls, one after another."""
    parts: dict[str, list[float]] = defaultdict(list)
    for _ in range(calls):
        response = await caller.pool.post(caller.path, caller.body, (), TIMEOUT_S)
        for name, ms in parse_server_timing(response.headers.get(b"server-timing", b"")).items():
            parts[name].append(ms)
    return {name: statistics.median(found) for name, found in parts.items()}


def parse_server_timing(header: bytes) -> dict[str, float]:
    """Return the ms of each part of a header such as `features;dur=1.2, predictor;dur=0.4`."""
    parts = (part.strip().partition(";dur=") for part in header.decode().split(","))
    return {name: float(ms) for name, _, ms in parts if ms}
