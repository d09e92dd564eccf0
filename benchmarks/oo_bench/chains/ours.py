"""Ours without anything before or behind it: one transformer, one predictor, and a nats-server for their events."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import nats
from oo_consumers import streams
from oo_serving.connection_pool import ConnectionPool

from oo_bench.call_bodies import score_body
from oo_bench.chains.side import Side, VerificationFailed
from oo_bench.http_caller import HttpCaller, score_outcome
from oo_bench.load import Caller
from oo_bench.processes import Processes, free_port
from oo_bench.ranker import model_folder

__all__ = [
    "BUDGET_MS",
    "make_streams",
    "score_side",
    "sides",
    "start_chain",
    "start_nats",
    "start_predictor",
    "start_transformer",
]

BUDGET_MS = 2_000  # of the predictor: a slow call counts by its time, and is no degraded answer


def sides(processes: Processes, folder: Path, titles: Mapping[str, str]) -> tuple[Side]:
    """Start nats-server, predictor and transformer, and return them as one side."""
    port = start_chain(processes, folder)
    return (score_side("ours", titles["ours"], port, processes.pids("transformer", "predictor", "nats")),)


def start_chain(processes: Processes, folder: Path, **settings: object) -> int:
    """Start nats-server, predictor and transformer, and return the port of the last, which has these settings."""
    nats_url = start_nats(processes, folder)
    predictor = start_predictor(processes, folder, nats_url)
    return start_transformer(processes, predictor, nats_url, **settings)


def start_nats(processes: Processes, folder: Path, name: str = "nats") -> str:
    """Start a nats-server with our streams, and return its URL."""
    port = free_port()
    command = [f"{sys.prefix}/bin/nats-server", "-js", "-sd", folder / name, "-a", "127.0.0.1", "-p", port]
    processes.start(name, command, port)
    processes.wait_until_ready(name)
    url = f"nats://127.0.0.1:{port}"
    asyncio.run(make_streams(url))
    return url


def start_predictor(
    processes: Processes, folder: Path, nats_url: str, *options: object, name: str = "predictor", port: int = 0
) -> int:
    """Start our predictor, and return its port."""
    port = port or free_port()
    command = [sys.executable, "-P", "-m", "oo_predictors", "--model_dir", model_folder(folder), "--http_port", port]
    settings = {"OO_PREDICTOR_HOST": "127.0.0.1", "OO_PREDICTOR_NATS_URL": nats_url}
    processes.start(name, [*command, *options], port, "/healthz/ready", **settings)
    return port


def start_transformer(
    processes: Processes, predictor: int, nats_url: str, *, name: str = "transformer", **settings: object
) -> int:
    """Start our transformer before a predictor, and return its port."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "oo_transformers", "--predictor_host", f"127.0.0.1:{predictor}"]
    fixed: Mapping[str, object] = {
        "OO_TRANSFORMER_HOST": "127.0.0.1",
        "OO_TRANSFORMER_NATS_URL": nats_url,
        "OO_TRANSFORMER_BUDGET_MS": BUDGET_MS,
    }
    processes.start(name, [*command, "--http_port", port], port, "/healthz/ready", **{**fixed, **settings})
    return port


async def make_streams(nats_url: str) -> None:
    """Make the streams as the consumers do, for a nats-server without consumers."""
    connection = await nats.connect(nats_url)
    await streams.ensure_streams(connection.jetstream())
    await connection.close()


def score_side(name: str, title: str, port: int, pids: Mapping[str, int]) -> Side:
    """Return a side that takes calls of `/score`."""

    async def connect(candidates: int) -> Caller:
        pool, body = ConnectionPool(f"http://127.0.0.1:{port}"), score_body(candidates)
        response = await pool.post("/score", body, (), 30)
        answer = json.loads(response.body)
        if response.status != 200 or answer["degraded"] or len(answer["scores"]) != candidates:
            raise VerificationFailed(f"{title}: {response.status} {response.body[:300]!r}")
        return HttpCaller(pool, "/score", body, score_outcome)

    return Side(name, title, connect, pids)
