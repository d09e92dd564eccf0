"""The plan: sides alternate within a load, loads within a round, and what is not there is never silently left out."""

from __future__ import annotations

import sys

import pytest
from oo_bench.chains import catalogue
from oo_bench.chains.catalogue import Chain
from oo_bench.chains.side import Side
from oo_bench.load import ClosedLoop, OpenLoop
from oo_bench.options import parse
from oo_bench.plan import PLAN, Cell, steps
from oo_bench.processes import ProcessEnded, Processes, free_port
from oo_bench.progress import remaining


async def unconnected(_):
    raise AssertionError


SIDES = (Side("ours", "", unconnected), Side("stock", "", unconnected))


def test_each_load_has_all_sides_one_after_another_in_an_order_that_alternates():
    cells = (Cell(ClosedLoop(1), (1, 10)), Cell(OpenLoop(300), (10,)))

    found = [(step.number, *step.key) for step in steps(cells, SIDES, (10,), 2)]

    assert found == [
        (0, "stock", "closed-1", 10),
        (0, "ours", "closed-1", 10),
        (0, "stock", "open-300", 10),
        (0, "ours", "open-300", 10),
        (1, "ours", "closed-1", 10),
        (1, "stock", "closed-1", 10),
        (1, "ours", "open-300", 10),
        (1, "stock", "open-300", 10),
    ]


def test_what_runs_in_this_process_has_one_caller():
    onnx = Side("onnx", "", unconnected, in_process=True)

    assert {step.load for step in steps(PLAN, [onnx], (10,), 1)} == {ClosedLoop(1)}


def test_a_peer_that_is_not_installed_is_recorded_with_its_reason(tmp_path, monkeypatch):
    chain = Chain({"peer": "a peer"}, lambda *_: pytest.fail("started"), lambda: "there is no such program")
    monkeypatch.setattr(catalogue, "CHAINS", (chain,))

    sides, records = catalogue.start(Processes(tmp_path), tmp_path, ["peer"])

    assert sides == ()
    assert [(record.state, record.detail) for record in records] == [("not installed", "there is no such program")]


def test_what_was_not_asked_for_is_recorded(tmp_path, monkeypatch):
    chain = Chain({"a": "A", "b": "B"}, lambda *_: [Side("a", "A", unconnected), Side("b", "B", unconnected)])
    monkeypatch.setattr(catalogue, "CHAINS", (chain,))

    sides, records = catalogue.start(Processes(tmp_path), tmp_path, ["b"])

    assert [side.name for side in sides] == ["b"]
    assert [(record.name, record.state) for record in records] == [("a", "not asked for"), ("b", "measured")]


def test_a_process_that_ends_is_named_with_its_last_log_lines(tmp_path):
    port = free_port()
    program = "print('first'); raise SystemExit('the disk is full')"
    with Processes(tmp_path) as processes:
        processes.start("writer", [sys.executable, "-c", program], port)

        with pytest.raises(ProcessEnded, match=r"(?s)writer ended with exit code 1.*first.*the disk is full"):
            processes.wait_until_ready()


def test_processes_end_with_the_run(tmp_path):
    with Processes(tmp_path) as processes:
        processes.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], free_port())
        child = processes.running["sleeper"]
        processes.check()

    assert child.returncode is not None


def test_a_quick_run_is_short_and_options_override_it():
    assert (parse(["--out", "x", "--quick"]).rounds, parse(["--out", "x"]).rounds) == (2, 5)
    assert parse(["--out", "x", "--quick", "--seconds", "4"]).seconds == 4


def test_a_side_that_does_not_exist_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse(["--out", "x", "--only", "theirs"])
    assert "theirs" in capsys.readouterr().err


def test_the_time_left_follows_the_pace_so_far():
    assert remaining(10, 40, 20) == "1:00 left"
    assert remaining(0, 40, 0) == "0:00 left"
