"""The text that a person reads of drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from oo_pipelines.text_table import table_lines

__all__ = ["drift_lines"]

COLUMNS = ("feature", "alarms", "test", "psi", "q", "fallback_before", "fallback_now", "fallback_q")


def drift_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the verdict, what was compared with what, and the features, the worst first."""
    yield f"{report['verdict']}: {report['window']}, {report['rounds_now']} rounds of {report['users_now']} users"
    reference = ", ".join(report["reference"]) or "no whole week before"
    yield f"against {reference}: {report['rounds_before']} rounds of {report['users_before']} users"
    for name, count in report["set_aside"].items():
        yield f"  {count} rounds of {name} were left out: they have other features"
    if report["features"]:
        yield from table_lines(COLUMNS, [[_short(item[name]) for name in COLUMNS] for item in report["features"]])
    if report["html"]:
        yield f"written to {report['html']}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "-" if value is None else ", ".join(value) if isinstance(value, list | tuple) else str(value)
