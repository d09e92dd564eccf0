"""A run as a page and as Markdown: everything that was measured or missed is there, and what was not says why."""

from __future__ import annotations

import re

import pytest
from bench_runs import bench_of, measured, result_of
from oo_bench.document import BEGIN, END, NoMarkers, with_figures
from oo_bench.page import page
from oo_bench.results import SideRecord, Spread, Storage
from oo_bench.summary import answer, markdown, ratio_lines
from oo_bench.usage import program

SPREAD = Spread(median=0.4, lowest=0.3, highest=0.5, rounds=3)


@pytest.fixture(scope="module")
def bench():
    sides = ("floor", "ours", "stack", "stock")
    measurements = [
        *(measured(side, "closed-1", 10, result_of(1, 2), result_of(3, 4)) for side in sides),
        *(measured(side, "closed-16", 10, result_of(1, 2)) for side in sides),
        measured("ours", "open-300", 10, result_of(5, missed=["degraded"])),
        measured("stack", "open-100", 10, result_of(5), cpu_s={"lake": 0.002, "transformer": 0.003, "client": 1}),
    ]
    absent = SideRecord(name="mlserver", title="MLServer", state="not installed", detail="there is no program")
    return bench_of(
        *measurements,
        sides=(*(SideRecord(name=side, title=f"the side {side}", state="measured") for side in sides), absent),
        storage=(Storage(candidates=10, rounds=5, bytes_per_round={"NATS": 2000, "lake": 700.5}, event_bytes=1500),),
        server_timing_ms={10: {"features": 0.25, "predictor": 1.0}},
        memory_mb={"ours": {"transformer": 180.5}},
        ratios={"score_p50_vs_stock_10": 0.4, "score_rps16_vs_stock_10": 0.4},
        ratio_ranges={"score_p50_vs_stock_10": SPREAD, "score_rps16_vs_stock_10": SPREAD},
        left_out={"train_rows_per_s": "its sides were not measured"},
    )


def test_the_page_is_one_file_with_plots_and_figures(bench):
    text = page(bench)

    assert text.count("<svg") >= 6
    assert re.findall(r'(?:src|href)="(?!#)', text) == []
    assert "<script" not in text
    assert "the side stock" in text


def test_the_page_says_what_was_missed_and_what_is_not_installed(bench):
    text = page(bench)

    assert "the side ours, open-300, 10 candidates: missed 1 of 2 (1 degraded)" in text
    assert "there is no program" in text


def test_a_run_of_one_side_has_a_page_too():
    assert "Serving benchmark" in page(bench_of(measured("ours", "closed-1", 10, result_of(1))))


def test_the_first_sentence_has_the_ratios_with_their_ranges(bench):
    assert "0.40 [0.30, 0.50] times as long as the stock KServe chain" in answer(bench)
    assert "was compared" in answer(bench_of())


def test_the_figures_of_the_document(bench):
    text = markdown(bench)

    assert "| `score_p50_vs_stock_10` | 0.4 | 0.3 to 0.5 |" in text
    assert "| `train_rows_per_s` | - | its sides were not measured |" in text
    assert "| 10 candidates | 0.25 | 1.00 |" in text
    assert "| 10 candidates | 2.00 | 3.00 | 5.0 |" in text
    assert "| 10 candidates | 2,000 | 700 | 1,500 |" in text
    assert "| the side ours | 180 | transformer 180 |" in text
    assert "| MLServer | not installed: there is no program |" in text
    assert "5 / 5 (50.0%)" in text


def test_only_what_is_between_the_markers_is_written(bench):
    text = f"# Performance\n\n{BEGIN}\nold\n{END}\n\nProse.\n"

    found = with_figures(text, bench)

    assert found.startswith("# Performance\n\n")
    assert found.endswith("\n\nProse.\n")
    assert "old" not in found
    assert with_figures(found, bench) == found


def test_a_document_without_markers_is_refused(bench):
    with pytest.raises(NoMarkers, match="figures"):
        with_figures("# Performance\n", bench)


def test_the_terminal_has_a_line_for_each_ratio(bench):
    lines = list(ratio_lines(bench))

    assert lines[0].split() == ["score_p50_vs_stock_10", "0.400", "[0.300,", "0.500]"]
    assert lines[-1].endswith("its sides were not measured")


@pytest.mark.parametrize(
    ("name", "expected"), [("transformer-2", "transformer"), ("nats", "nats"), ("stock-predictor", "stock-predictor")]
)
def test_processes_that_are_alike_are_one_program(name, expected):
    assert program(name) == expected
