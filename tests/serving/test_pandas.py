"""The transformer serves where pandas is not installed, as in its image."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import httpx2
import pytest
from waiting import eventually, free_port, listens

HIDDEN = """
import runpy, sys

class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError("hidden", name=name)

sys.meta_path.insert(0, NoPandas())
"""
SERVE = "runpy.run_module('oo_transformers', run_name='__main__', alter_sys=True)"
ASK = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent"}, {"id": "t-2", "content": "Call"}]}


@pytest.fixture
def edge():
    """Where it listens: without predictor and NATS, so every reply is degraded, but a reply."""
    port, nobody = free_port(), free_port()
    told = {"OO_TRANSFORMER_HOST": "127.0.0.1", "OO_TRANSFORMER_NATS_URL": f"nats://127.0.0.1:{nobody}"}
    words = ["--predictor_host", f"127.0.0.1:{nobody}", "--http_port", str(port)]
    process = subprocess.Popen([sys.executable, "-P", "-c", HIDDEN + SERVE, *words], env=os.environ | told)
    try:
        assert eventually(lambda: listens(port) or process.poll() is not None, patience=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def test_kserves_routes_answer_without_pandas(edge):
    data = {"name": "bodies", "shape": [1], "datatype": "BYTES", "data": [json.dumps(ASK)]}

    v1 = httpx2.post(f"{edge}/v1/models/tip-ranker:predict", json={"instances": [ASK]}, timeout=20)
    v2 = httpx2.post(f"{edge}/v2/models/tip-ranker/infer", json={"inputs": [data]}, timeout=20)

    assert [len(reply["scores"]) for reply in v1.json()["predictions"]] == [2]
    assert len(json.loads(v2.json()["outputs"][0]["data"][0])["scores"]) == 2


def test_only_kserve_sees_the_stand_in():
    code = HIDDEN + (
        "from oo_serving.kserve_import import kserve_model\n"
        "kserve_model()\n"
        "kserve_model()\n"
        "from kserve.protocol import infer_type\n"
        "print(infer_type.pd.DataFrame.__name__, 'pandas' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout == "DataFrame False\n", done.stderr
