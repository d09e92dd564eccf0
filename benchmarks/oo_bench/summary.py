"""What a run found, in sentences and in Markdown tables: for its page, the terminal and `docs/performance.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from oo_pipelines.report.html_report import three_digits

from oo_bench.results import Bench, Measurement, Spread
from oo_bench.usage import CLIENT

__all__ = ["answer", "machine_line", "markdown", "ratio_lines"]

LATENCY_LOADS = ("closed-1", "closed-16", "open-300", "open-1000")
UNITS = {
    "envoy_p99_300rps_ms": "ms",
    "cpu_ms_per_round_10": "ms",
    "cpu_ms_per_round_50": "ms",
    "event_bytes_per_candidate": "bytes",
    "consumer_events_per_cpu_s": "events",
    "train_rows_per_s": "rows",
}


def machine_line(bench: Bench) -> str:
    """Return what ran where, and what else the machine did."""
    machine = bench.machine
    return (
        f"{bench.started_at[:10]}, {machine.cores} cores ({machine.cpu}), {machine.system}, Python {machine.python}; "
        f"{bench.rounds} rounds of {bench.seconds_per_round:g} s; "
        f"load average {machine.load_average_at_start:g} at the start, {machine.load_average_at_end:g} at the end"
    )


def answer(bench: Bench) -> str:
    """Return the one sentence that a reader wants first."""
    latency, throughput = (bench.ratio_ranges.get(f"score_{name}_vs_stock_10") for name in ("p50", "rps16"))
    if latency is None or throughput is None:
        return "Neither ours nor the stock KServe chain was compared in this run."
    return (
        f"With 10 candidates /score takes {_text(latency)} times as long as the stock KServe chain, which computes no "
        f"features, decides nothing and logs nothing; to 16 callers it gives {_text(throughput)} times as many answers."
    )


def _text(spread: Spread) -> str:
    return f"{spread.median:.2f} [{spread.lowest:.2f}, {spread.highest:.2f}]"


def ratio_lines(bench: Bench) -> Iterator[str]:
    """Yield the ratios with their ranges, one a line, and why others are not there."""
    for name, value in bench.ratios.items():
        spread = bench.ratio_ranges[name]
        yield f"{name:<28} {value:9.3f}  [{spread.lowest:.3f}, {spread.highest:.3f}] {UNITS.get(name, '')}".rstrip()
    for name, reason in bench.left_out.items():
        yield f"{name:<28}         -  {reason}"


def markdown(bench: Bench) -> str:
    """Return the figures of a run as Markdown."""
    return "\n".join(
        [
            f"{machine_line(bench)}.",
            "",
            *_table(("ratio", "median", "range of rounds"), _ratio_rows(bench)),
            "",
            *_table(("side", "candidates", *LATENCY_LOADS), _latency_rows(bench)),
            "",
            "p50 / p99 in ms; a share in brackets was missed.",
            "",
            *_table(("ms in the transformer, by `server-timing`", *_timed(bench)), _timing_rows(bench)),
            "",
            *_table(("CPU ms of a round, 100 a second", *_processes(bench), "sum"), _cpu_rows(bench)),
            "",
            *_table(("bytes of a round by store", *_stores(bench), "decision event"), _storage_rows(bench)),
            "",
            *_table(("memory after the run, MB", "sum", "by program"), _memory_rows(bench)),
            "",
            *_table(("side", "state"), ((side.title, _state(side.state, side.detail)) for side in bench.sides)),
        ]
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def _state(state: str, detail: str) -> str:
    return f"{state}: {detail}" if detail else state


def _ratio_rows(bench: Bench) -> Iterator[tuple[str, str, str]]:
    for name, value in bench.ratios.items():
        spread = bench.ratio_ranges[name]
        yield f"`{name}`", three_digits(value), f"{three_digits(spread.lowest)} to {three_digits(spread.highest)}"
    for name, reason in bench.left_out.items():
        yield f"`{name}`", "-", reason


def _candidates(count: int) -> str:
    return f"{count} candidate{'s' if count > 1 else ''}"


def _latency_rows(bench: Bench) -> Iterator[tuple[str, ...]]:
    found = {(item.side, item.candidates, item.load): item for item in bench.measurements}
    for side in bench.sides:
        for count in bench.candidates:
            cells = tuple(_latency(found.get((side.name, count, load))) for load in LATENCY_LOADS)
            if any(cells):
                yield side.title, str(count), *cells


def _latency(item: Measurement | None) -> str:
    if item is None or item.p50_ms is None or item.p99_ms is None:
        return ""
    share = sum(item.missed.values()) / item.calls
    return f"{three_digits(item.p50_ms.median)} / {three_digits(item.p99_ms.median)}" + (
        f" ({share:.1%})" if share else ""
    )


def _timed(bench: Bench) -> list[str]:
    return list(next(iter(bench.server_timing_ms.values()), {}))


def _timing_rows(bench: Bench) -> Iterator[list[str]]:
    for count, parts in bench.server_timing_ms.items():
        yield [_candidates(count), *(f"{parts[name]:.2f}" for name in _timed(bench))]


def _cost(bench: Bench) -> list[Measurement]:
    return [item for item in bench.measurements if (item.side, item.load) == ("stack", "open-100")]


def _processes(bench: Bench) -> list[str]:
    return [name for name in _cost(bench)[0].cpu_ms if name != CLIENT] if _cost(bench) else []


def _cpu_rows(bench: Bench) -> Iterator[list[str]]:
    for item in _cost(bench):
        values = [item.cpu_ms[name] for name in _processes(bench)]
        yield [_candidates(item.candidates), *(f"{ms:.2f}" for ms in values), f"{sum(values):.1f}"]


def _memory_rows(bench: Bench) -> Iterator[tuple[str, str, str]]:
    titles = {side.name: side.title for side in bench.sides}
    for name, parts in bench.memory_mb.items():
        largest = sorted(parts.items(), key=lambda item: -item[1])
        yield titles[name], f"{sum(parts.values()):,.0f}", ", ".join(f"{part} {size:,.0f}" for part, size in largest)


def _stores(bench: Bench) -> list[str]:
    return list(bench.storage[0].bytes_per_round) if bench.storage else []


def _storage_rows(bench: Bench) -> Iterator[list[str]]:
    for item in bench.storage:
        sizes = [f"{size:,.0f}" for size in item.bytes_per_round.values()]
        yield [_candidates(item.candidates), *sizes, f"{item.event_bytes:,}"]
