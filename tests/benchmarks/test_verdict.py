"""The verdict of `make bench-check`: a ratio has worsened when two tries say so."""

from __future__ import annotations

import json

import pytest
from oo_bench.check import BASELINE
from oo_bench.ratios import RATIOS
from oo_bench.verdict import KEPT, is_decided, worsened, worsening

BASE = {"score_p50_vs_stock_10": 0.4, "score_rps16_vs_stock_10": 3.0}


def tried(latency=0.4, throughput=3.0):
    return {"score_p50_vs_stock_10": latency, "score_rps16_vs_stock_10": throughput}


@pytest.mark.parametrize(
    ("name", "committed", "found", "factor"),
    [
        ("score_p50_vs_stock_10", 0.4, 0.8, 2.0),
        ("score_p50_vs_stock_10", 0.4, 0.2, 0.5),
        ("score_rps16_vs_stock_10", 3.0, 1.5, 2.0),
        ("score_rps16_vs_stock_10", 3.0, 6.0, 0.5),
    ],
)
def test_it_is_worse_in_its_own_direction(name, committed, found, factor):
    assert worsening(name, committed, found) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("tries", "expected"),
    [
        ([tried(), tried(), tried()], []),
        ([tried(latency=0.9), tried(), tried()], []),  # one try may have met something else
        ([tried(latency=0.9), tried(), tried(latency=0.53)], ["score_p50_vs_stock_10"]),
        ([tried(latency=0.51), tried(latency=0.51), tried(latency=0.51)], []),  # 27 % are tolerated
        ([tried(throughput=2), tried(throughput=2)], ["score_rps16_vs_stock_10"]),
        ([tried(latency=0.9), tried(throughput=1), tried()], []),  # each once
        ([tried(latency=0.1, throughput=30)] * 3, []),  # to be better is no failure
    ],
)
def test_two_tries_have_to_say_so(tries, expected):
    assert worsened(BASE, tries) == expected


@pytest.mark.parametrize(
    ("tries", "expected"),
    [
        ([tried()], False),
        ([tried(), tried()], True),
        ([tried(latency=0.9), tried(latency=0.9)], True),
        ([tried(latency=0.9), tried()], False),
        ([tried(latency=0.9), tried(latency=0.9, throughput=1)], False),
    ],
)
def test_a_third_try_is_made_when_it_can_change_something(tries, expected):
    assert is_decided(BASE, tries) is expected


def test_without_committed_ratios_all_tries_are_made():
    assert not is_decided({}, [tried(), tried()])


def test_what_is_committed_is_what_is_compared_and_has_no_unit_of_time():
    committed = json.loads(BASELINE.read_text())

    assert set(committed) == set(KEPT)
    assert set(KEPT) - {"event_bytes_per_candidate"} <= {name for name, ratio in RATIOS.items() if ratio.other}
    assert all(value > 0 for value in committed.values())
