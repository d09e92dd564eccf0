"""The stock KServe chain, transformer before predictor, and its predictor alone; both are handed rows ready made."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from oo_bench.call_bodies import instances_body
from oo_bench.chains.predictions import predictions_side
from oo_bench.chains.side import Side
from oo_bench.processes import Processes, free_port
from oo_bench.ranker import joblib_file

__all__ = ["sides"]

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
    chain, alone = processes.pids("stock-transformer", "stock-predictor"), processes.pids("stock-predictor")
    return (
        predictions_side("stock", titles["stock"], transformer, chain, path=PREDICT, body=instances_body),
        predictions_side("kserve", titles["kserve"], predictor, alone, path=PREDICT, body=instances_body),
    )
