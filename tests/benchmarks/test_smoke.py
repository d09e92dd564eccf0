"""A short run of the whole benchmark, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from oo_bench.missed_calls import has_faults
from oo_bench.results import Bench

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.alone]


def run(*words):
    command = [sys.executable, "-P", "-m", "oo_bench", *words]
    environ = os.environ | {"PYTHONPATH": str(BENCHMARKS)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=280)


def test_a_quick_run_writes_its_file(tmp_path):
    done = run("--out", str(tmp_path), "--quick", "--only", "onnx", "floor", "ours", "--candidates", "10")

    assert (tmp_path / "bench.json").exists(), done.stderr
    bench = Bench.model_validate_json((tmp_path / "bench.json").read_text())
    measured = {(item.side, item.load) for item in bench.measurements}
    assert {("onnx", "closed-1"), ("floor", "closed-16"), ("ours", "open-300")} <= measured
    assert bench.ratios["score_p50_vs_floor"] > 1
    assert "score_p50_vs_stock_10" in bench.left_out
    assert {record.name: record.state for record in bench.sides}["stock"] == "not asked for"
    assert done.returncode == has_faults(bench.measurements)
    assert "round 2 of 2" in done.stderr
