"""Peers that may be installed: MLServer and `mlflow models serve`, each serving the same model to the same client.

Neither belongs to what `make setup` installs for a benchmark. An environment of its own does for MLServer: the variable
OO_BENCH_MLSERVER names its program.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from oo_bench.call_bodies import feature_rows, inputs_body
from oo_bench.chains.predictions import predictions_side
from oo_bench.chains.side import Side
from oo_bench.processes import ProcessEnded, Processes, free_port
from oo_bench.ranker import joblib_file

__all__ = ["mlflow_missing", "mlflow_sides", "mlserver_missing", "mlserver_sides"]

MODEL = "ranker"
MLSERVER_VARIABLE = "OO_BENCH_MLSERVER"
SAVE = """
import sys, joblib, mlflow.sklearn
form = {"pyfunc_predict_fn": "predict_proba", "serialization_format": "cloudpickle"}
mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], **form)
"""


def _mlserver() -> str | None:
    beside = Path(sys.executable).with_name("mlserver")
    return os.environ.get(MLSERVER_VARIABLE) or (str(beside) if beside.exists() else shutil.which("mlserver"))


def mlserver_missing() -> str | None:
    """Return why MLServer cannot be measured, None if it can."""
    return None if _mlserver() else f"there is no program mlserver; {MLSERVER_VARIABLE} may name one"


def mlserver_sides(processes: Processes, folder: Path, titles: Mapping[str, str]) -> tuple[Side]:
    """Start MLServer in this process's way: one worker, without a pool of processes."""
    data, port = folder / "mlserver", free_port()
    data.mkdir()
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    (data / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0, "debug": False}))
    model = {"implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": str(joblib_file(folder))}}
    (data / "model-settings.json").write_text(json.dumps({"name": MODEL, **model}))
    processes.start("mlserver", [_mlserver(), "start", data], port, f"/v2/models/{MODEL}/ready")
    path = f"/v2/models/{MODEL}/infer"
    return (
        predictions_side(
            "mlserver", titles["mlserver"], port, processes.pids("mlserver"),
            path=path, body=_v2_body, count=lambda answer: int(answer["outputs"][0]["shape"][0]),
        ),
    )  # fmt: skip


def _v2_body(candidates: int) -> bytes:
    rows = feature_rows(candidates)
    data = [value for row in rows for value in row]
    tensor = {"name": "rows", "shape": [len(rows), len(rows[0])], "datatype": "FP32", "data": data}
    return json.dumps({"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}).encode()


def mlflow_missing() -> str | None:
    """Return why `mlflow models serve` cannot be measured, None if it can."""
    return None if find_spec("mlflow") else "MLflow is not installed"


def mlflow_sides(processes: Processes, folder: Path, titles: Mapping[str, str]) -> tuple[Side]:
    """Save the model as MLflow's own kind, and start its server with one worker.

    Raises:
        ProcessEnded: the model could not be saved.
    """
    data, port = folder / "mlflow", free_port()
    words = [sys.executable, "-P", "-c", SAVE, str(joblib_file(folder)), str(data)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    if done.returncode:
        raise ProcessEnded(f"MLflow saved no model: {done.stderr[-1_000:]}")
    programs = Path(sys.executable).parent  # MLflow looks for uvicorn on the PATH
    serve = [programs / "mlflow", "models", "serve", "--env-manager", "local", "--workers", "1"]
    path = f"{programs}:{os.environ['PATH']}"
    processes.start("mlflow", [*serve, "-m", data, "-h", "127.0.0.1", "-p", port], port, "/ping", PATH=path)
    return (
        predictions_side(
            "mlflow", titles["mlflow"], port, processes.pids("mlflow"), path="/invocations", body=inputs_body
        ),
    )  # fmt: skip
