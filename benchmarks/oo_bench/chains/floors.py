"""Floors: what no serving can be quicker than. The model alone in this process, and two hops that only pass bytes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from oo_serving.connection_pool import ConnectionPool

from oo_bench.call_bodies import feature_rows, score_body
from oo_bench.chains.side import Side, VerificationFailed
from oo_bench.http_caller import HttpCaller, predictions_outcome
from oo_bench.load import ANSWERED, Caller
from oo_bench.processes import Processes, free_port
from oo_bench.ranker import graph_file

__all__ = ["onnx_session", "onnx_sides", "relay_sides"]

RELAY = Path(__file__).with_name("relay.py")


def onnx_session(graph: Path) -> onnxruntime.InferenceSession:
    """Return a session of one thread, as the predictor makes it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.read_bytes(), options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True, slots=True)
class OnnxCaller:
    """ONNX Runtime, called in this process on rows that are ready made."""

    session: Any
    rows: Any

    async def call(self) -> str:
        """Compute the values of the rows."""
        self.session.run(None, {self.session.get_inputs()[0].name: self.rows})
        return ANSWERED


def onnx_sides(_: Processes, folder: Path, titles: Mapping[str, str]) -> tuple[Side]:
    """Return the model alone."""
    session = onnx_session(graph_file(folder))

    async def connect(candidates: int) -> Caller:
        return OnnxCaller(session, np.array(feature_rows(candidates), dtype=np.float32))

    return (Side("onnx", titles["onnx"], connect, in_process=True),)


def relay_sides(processes: Processes, _: Path, titles: Mapping[str, str]) -> tuple[Side]:
    """Start the two hops, and return them as one side."""
    port, last = free_port(), free_port()
    processes.start("relay-2", [sys.executable, "-P", RELAY, last], last)
    processes.start("relay-1", [sys.executable, "-P", RELAY, port, last], port)

    async def connect(candidates: int) -> Caller:
        pool, body = ConnectionPool(f"http://127.0.0.1:{port}"), score_body(candidates)
        if (await pool.post("/", body, (), 10)).body != body:
            raise VerificationFailed("the relays change what they pass")
        return HttpCaller(pool, "/", body, predictions_outcome)

    return (Side("floor", titles["floor"], connect, processes.pids("relay-1", "relay-2")),)
