"""The benchmark of the predictor times all its sides, whose values it compares first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIDES = {"ONNX alone", "floor: ONNX + HTTP", "predictor, binary", "predictor, JSON"}
pytestmark = [pytest.mark.real, pytest.mark.long]


def test_it_times_every_side_for_every_number_of_rows():
    words = ["--rows", "1", "3", "--rounds", "2", "--calls", "5", "--warmup", "2", "--json"]
    command = [sys.executable, "-P", BENCHMARKS / "predictor.py", *words]

    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(BENCHMARKS)}, capture_output=True, check=True, timeout=200
    )

    found = json.loads(done.stdout)
    assert {count: set(sides) for count, sides in found.items()} == {"1": SIDES, "3": SIDES}
    for sides in found.values():
        assert {side["calls"] for side in sides.values()} == {10}
        assert sides["floor: ONNX + HTTP"]["ratio"] == 1.0
        assert all(side["lowest"] <= side["ratio"] <= side["highest"] for side in sides.values())
