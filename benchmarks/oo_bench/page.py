"""A run as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from oo_pipelines.report.html_report import html_page, html_table

from oo_bench import cost_plots, plots
from oo_bench.missed_calls import missed_calls
from oo_bench.results import Bench, Measurement, Spread
from oo_bench.summary import answer, machine_line

__all__ = ["page"]

NOTE = (
    "Percentiles are medians over rounds, of answered calls; p99.9 is of the calls of all rounds. An open loop "
    "measures each call from its intended start. Where a side cannot keep its rate, latencies grow with the round."
)


def page(bench: Bench) -> str:
    """Return the whole document."""
    return html_page("Serving benchmark", _parts(bench))


def _parts(bench: Bench) -> Iterator[str]:
    yield f"<header><h1>Serving benchmark</h1><p>{escape(machine_line(bench))}</p></header>"
    yield f'<p class="answer">{escape(answer(bench))}</p>'
    yield from _missed(bench)
    yield _grid(
        [plots.ratio_plot(bench), *(plots.latency_plot(bench, "closed-1", count) for count in bench.candidates)]
    )
    yield "<h2>Under load</h2>"
    yield _grid(
        [
            *(plots.throughput_plot(bench, count) for count in bench.candidates),
            *(plots.rate_plot(bench, count) for count in bench.candidates),
        ]
    )
    yield "<h2>What a round costs</h2>"
    yield _grid(
        [
            cost_plots.timing_plot(bench),
            cost_plots.cpu_plot(bench),
            cost_plots.storage_plot(bench),
            cost_plots.memory_plot(bench),
        ]
    )
    yield "<h2>Figures</h2>"
    yield html_table(("ratio", "median", "lowest", "highest", "rounds"), [_ratio(bench, name) for name in bench.ratios])
    yield html_table(
        ("side", "load", "candidates", "calls", "missed", "p50 ms", "p99 ms", "p99.9 ms", "answers/s", "CPU ms"),
        [_row(item) for item in bench.measurements],
        [index for index, item in enumerate(bench.measurements) if item.missed],
    )
    yield html_table(("side", "what it is", "state", ""), [(s.name, s.title, s.state, s.detail) for s in bench.sides])
    yield f"<footer><p>{escape(NOTE)}</p></footer>"


def _missed(bench: Bench) -> Iterator[str]:
    for line in missed_calls(bench):
        yield f'<p class="bad">{escape(line)}</p>'


def _grid(figures: list[str | None]) -> str:
    return f'<div class="grid">{"".join(figure for figure in figures if figure)}</div>'


def _ratio(bench: Bench, name: str) -> tuple[str, float, float, float, int]:
    spread = bench.ratio_ranges[name]
    return name, spread.median, spread.lowest, spread.highest, spread.rounds


def _row(item: Measurement) -> tuple[object, ...]:
    cpu = sum(ms for name, ms in item.cpu_ms.items() if name != "client")
    figures = (_median(item.p50_ms), _median(item.p99_ms), item.p999_ms, item.answered_per_s.median, cpu)
    return (item.side, item.load, item.candidates, item.calls, sum(item.missed.values()), *figures)


def _median(spread: Spread | None) -> float | None:
    return None if spread is None else spread.median
