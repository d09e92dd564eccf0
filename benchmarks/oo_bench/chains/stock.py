"""The stock KServe chain, transformer before predictor, and its predictor alone; both are handed rows ready made."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from oo_serving.connection_pool import ConnectionPool

from oo_bench.call_bodies import instances_body
from oo_bench.chains.side import Side, VerificationFailed
from oo_bench.http_caller import HttpCaller, predictions_outcome
from oo_bench.load import Caller
from oo_bench.processes import Processes, free_port
from oo_bench.ranker import joblib_file

__all__ = ["predictions_side", "sides"]

SERVER = Path(__file__).with_name("stock_server.py")
PREDICT = "/v1/models/stock:predict"


def sides(processes: Processes, folder: Path, titles: Mapping[str, str]) -> tuple[Side, Side]:
    """Start transformer and predictor, and return the chain and the predictor alone."""
    transformer, predictor = free_port(), free_port()
    program = [sys.executable, "-P", SERVER, "--enable_grpc=false"]
    model = ["--model_file", joblib_file(folder)]
    processes.start("stock-predictor", [*program, f"--http_port={predictor}", *model], predictor)
    upstream = ["--predictor_host", f"127.0.0.1:{predictor}"]
    processes.start("stock-transformer", [*program, f"--http_port={transformer}", *upstream], transformer)
    chain = processes.pids("stock-transformer", "stock-predictor")
    return (
        predictions_side("stock", titles["stock"], transformer, chain),
        predictions_side("kserve", titles["kserve"], predictor, processes.pids("stock-predictor")),
    )


def predictions_side(
    name: str, title: str, port: int, pids: Mapping[str, int], *, path: str = PREDICT, key: str = "predictions"
) -> Side:
    """Return a side that takes instances, and whose answer has as many predictions."""

    async def connect(candidates: int) -> Caller:
        pool, body = ConnectionPool(f"http://127.0.0.1:{port}"), instances_body(candidates)
        response = await pool.post(path, body, (), 30)
        if response.status != 200 or len(json.loads(response.body)[key]) != candidates:
            raise VerificationFailed(f"{title}: {response.status} {response.body[:300]!r}")
        return HttpCaller(pool, path, body, predictions_outcome)

    return Side(name, title, connect, pids)
