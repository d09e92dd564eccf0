"""The calls that a run missed, as lines for people."""

from __future__ import annotations

from oo_bench.results import Bench, Measurement

__all__ = ["missed_calls"]


def missed_calls(bench: Bench) -> list[str]:
    """Return a line for each measurement that missed calls: how many, and why."""
    titles = {record.name: record.title for record in bench.sides}
    return [_missed_line(titles[item.side], item) for item in bench.measurements if item.missed]


def _missed_line(title: str, item: Measurement) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in item.missed.items())
    missed = f"missed {sum(item.missed.values())} of {item.calls} ({reasons})"
    return f"{title}, {item.load}, {item.candidates} candidates: {missed}"
