"""The flame graph: of which process, with how many candidates, and what happens without py-spy."""

from __future__ import annotations

from pathlib import Path

import pytest
from oo_bench import flame_graph
from oo_bench.chains.side import Side


async def unconnected(_):
    raise AssertionError


def test_without_py_spy_it_says_how_to_name_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(flame_graph.shutil, "which", lambda _: None)
    monkeypatch.delenv("OO_BENCH_PY_SPY", raising=False)

    assert flame_graph.main(["--out", str(tmp_path)]) == 1
    assert "OO_BENCH_PY_SPY" in capsys.readouterr().err


def test_a_process_that_a_side_does_not_have_is_refused_with_those_that_it_has():
    side = Side("stack", "", unconnected, {"transformer-1": 7, "lake": 8})

    assert flame_graph.pid_of(side, "lake") == 8
    with pytest.raises(SystemExit, match="no process transformer; it has transformer-1, lake"):
        flame_graph.pid_of(side, "transformer")


def test_py_spy_samples_children_too():
    options = flame_graph.parse(["--out", "x", "--seconds", "4", "--format", "raw"])

    command = flame_graph.py_spy_options(7, options, Path("x/graph.txt"))

    assert command[:3] == ["record", "--pid", "7"]
    assert "--subprocesses" in command
    assert command[-4:] == ["--format", "raw", "--output", "x/graph.txt"]
