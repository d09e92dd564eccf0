"""Figures over rounds, ratios of rounds that belong together, and the file that they are written to."""

from __future__ import annotations

import json

import pytest
from bench_runs import bench_of, measured, result_of
from oo_bench.figures import percentile, spread
from oo_bench.missed_calls import has_faults, missed_calls
from oo_bench.ratios import RATIOS, Ratio, find_ratios, p50, service_cpu
from oo_bench.results import Bench
from oo_bench.schema import SCHEMA, schema_text
from pydantic import ValidationError


def test_a_percentile_of_nothing_is_none():
    assert percentile([], 99) is None
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0


def test_a_spread_is_of_the_rounds_that_have_the_figure():
    found = spread([3.0, None, 1.0, 2.0])

    assert (found.median, found.lowest, found.highest, found.rounds) == (2.0, 1.0, 3.0, 3)
    assert spread([None]) is None


def test_a_measurement_has_the_median_of_its_rounds_and_a_tail_over_all_calls():
    found = measured("ours", "closed-1", 10, result_of(1, 1, 1), result_of(3, 3, 3), result_of(2, 2, 100))

    assert (found.p50_ms.median, found.p50_ms.lowest, found.p50_ms.highest) == (2, 1, 3)
    assert found.p999_ms == pytest.approx(100, rel=0.05)
    assert found.answered_per_s.median == 3


def test_missed_calls_are_counted_by_reason_and_have_no_latency():
    found = measured("ours", "open-300", 10, result_of(5, missed=["degraded"]), result_of(5, missed=["refused"] * 2))

    assert (found.calls, found.missed) == (5, {"degraded": 1, "refused": 2})
    assert found.p99_ms.highest == 5
    assert missed_calls(bench_of(found)) == [
        "the side ours, open-300, 10 candidates: missed 3 of 5 (1 degraded, 2 refused)"
    ]


@pytest.mark.parametrize(
    ("load", "reason", "expected"),
    [
        ("closed-16", "refused", False),  # more than a machine can carry
        ("closed-1", "refused", True),
        ("closed-16", "degraded", True),
        ("closed-16", "status 500", True),
        ("open-1000", "ConnectionResetError", False),
    ],
)
def test_a_closed_loop_may_be_refused_but_not_degraded(load, reason, expected):
    assert has_faults([measured("ours", load, 10, result_of(5, missed=[reason]))]) is expected
    assert not has_faults([measured("ours", load, 10, result_of(5))])


def test_a_round_without_any_answer_has_no_percentile():
    found = measured("ours", "open-300", 10, result_of(missed=["refused"]))

    assert (found.p50_ms, found.p999_ms, found.answered_per_s.median) == (None, None, 0)


def test_cpu_is_per_call_and_the_client_is_not_the_service():
    found = measured("stack", "open-100", 10, result_of(1, 1), cpu_s={"transformer": 0.01, "nats": 0.002, "client": 9})

    assert found.cpu_ms == {"transformer": pytest.approx(5), "nats": pytest.approx(1), "client": 4500}
    assert service_cpu(found.rounds[0]) == pytest.approx(6)


def test_a_ratio_is_the_median_of_the_ratios_of_rounds():
    """Both sides of a round met the same machine; the ratio of the medians would be 1."""
    ours = measured("ours", "closed-1", 10, result_of(1), result_of(20), result_of(3))
    stock = measured("stock", "closed-1", 10, result_of(2), result_of(200), result_of(3))

    found = Ratio(p50, "ours", "closed-1", 10, "stock").over_rounds([ours, stock])

    assert (found.median, found.lowest, found.highest) == (0.5, 0.1, 1.0)


def test_a_ratio_is_of_its_own_load_and_number_of_candidates():
    others = [measured("ours", "closed-1", 50, result_of(9)), measured("ours", "closed-16", 10, result_of(9))]
    pair = [measured("ours", "closed-1", 10, result_of(1)), measured("stock", "closed-1", 10, result_of(4))]

    assert find_ratios(others + pair)["score_p50_vs_stock_10"].median == 0.25
    assert find_ratios(others)["score_p50_vs_stock_10"] is None


def test_a_figure_may_stand_alone():
    envoy = measured("envoy", "open-300", 10, result_of(7))

    assert find_ratios([envoy])["envoy_p99_300rps_ms"].median == 7


def test_the_ratios_that_readers_of_the_file_rely_on_are_there():
    assert {"score_p50_vs_stock_10", "score_p50_vs_stock_50", "score_rps16_vs_stock_10", "score_rps16_vs_stock_50"} <= {
        *RATIOS
    }
    assert {"score_p99_300rps_vs_stock", "score_p50_vs_floor", "cpu_ms_per_round_10", "cpu_ms_per_round_50"} <= {
        *RATIOS
    }


def test_the_committed_schema_is_that_of_the_file():
    """`PYTHONPATH=benchmarks python -P -m oo_bench.schema` writes it."""
    assert SCHEMA.read_text() == schema_text()


def test_the_file_is_read_as_it_was_written():
    bench = bench_of(measured("ours", "closed-1", 10, result_of(1, 2)))

    assert Bench.model_validate_json(bench.model_dump_json()) == bench


def test_nothing_else_is_in_the_file():
    fields = json.loads(bench_of().model_dump_json())

    with pytest.raises(ValidationError, match="odd"):
        Bench.model_validate({**fields, "odd": 1})
