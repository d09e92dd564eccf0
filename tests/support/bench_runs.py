"""Measurements and runs of the benchmark with figures that a test chooses."""

from __future__ import annotations

from oo_bench.figures import measurement, round_figures
from oo_bench.load import ANSWERED, LoadResult
from oo_bench.results import Bench, Machine, SideRecord

__all__ = ["bench_of", "measured", "result_of"]


def result_of(*latencies, seconds=1.0, missed=()):
    """The result of a load whose calls took so many ms, besides those that were missed."""
    calls = [(ANSWERED, ms) for ms in latencies] + [(reason, 1.0) for reason in missed]
    return LoadResult(calls, [0.1] * len(calls), seconds)


def measured(side, load, candidates, *results, cpu_s=None):
    """A measurement of some rounds."""
    cpu = {"transformer": 0.1, "client": 5.0} if cpu_s is None else cpu_s
    figures = [round_figures(result, cpu, len(result.calls)) for result in results]
    return measurement(side, load, candidates, results, figures)


def bench_of(*measurements, **more):
    """A run that measured these."""
    names = sorted({item.side for item in measurements})
    machine = Machine(
        cores=2,
        cpu="a processor",
        memory_gb=8,
        system="Linux 6",
        python="3.11.2",
        load_average_at_start=1,
        load_average_at_end=2,
    )
    values = {
        "started_at": "2026-12-01T08:00:00+00:00",
        "seconds": 60,
        "commit": "0123456",
        "machine": machine,
        "rounds": 2,
        "seconds_per_round": 1,
        "candidates": (10,),
        "sides": tuple(SideRecord(name=name, title=f"the side {name}", state="measured") for name in names),
        "measurements": measurements,
        "storage": (),
        "memory_mb": {},
        "server_timing_ms": {},
        "ratios": {},
        "ratio_ranges": {},
    }
    return Bench(**{**values, **more})
