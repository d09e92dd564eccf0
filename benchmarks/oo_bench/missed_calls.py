"""The calls that a run missed, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable

from oo_bench.results import Bench, Measurement

__all__ = ["REFUSED", "has_faults", "missed_calls"]

REFUSED = "refused"  # a 503, by which our transformer sheds what would have to wait


def missed_calls(bench: Bench) -> list[str]:
    """Return a line for each measurement that missed calls: how many, and why."""
    titles = {record.name: record.title for record in bench.sides}
    return [_missed_line(titles[item.side], item) for item in bench.measurements if item.missed]


def has_faults(measurements: Iterable[Measurement]) -> bool:
    """Return whether a closed loop missed calls for another reason than that they were too many.

    Sixteen callers that never pause may be more than a machine can carry, and some are refused. One caller is not, and
    an error or a degraded answer has no excuse. An open loop may exceed any capacity.
    """
    return any(
        item.load == "closed-1" or set(item.missed) != {REFUSED}
        for item in measurements
        if item.missed and item.load.startswith("closed")
    )


def _missed_line(title: str, item: Measurement) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in item.missed.items())
    missed = f"missed {sum(item.missed.values())} of {item.calls} ({reasons})"
    return f"{title}, {item.load}, {item.candidates} candidates: {missed}"
