"""The text that a person reads of a replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from oo_pipelines.text_table import table_lines

__all__ = ["replay_lines"]

COLUMNS = ("request_id", "candidate_id", "what", "logged", "recomputed")


def replay_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the summary, what was left out and why, and the first differences as a table."""
    speed = f"{report['per_second']:,.0f} a second, after {report['loading']:.1f} s of loading models"
    yield f"decisions      {report['decisions']}, {speed}"
    yield f"replayed       {report['replayed']} with {report['rows']} rows"
    if report["draws"]:
        yield f"drawn again    {report['draws']} prompt versions"
    for name, count in report["models"].items():
        yield f"  values of {name}: {count} decisions compared"
    for name, count in report["missing_models"].items():
        yield f"  values of {name}: {count} decisions NOT compared: {report['why_missing'].get(name, 'not available')}"
    for name, count in report["other_fingerprints"].items():
        yield f"  of {name}: {count} decisions cannot be replayed by this code"
    for name, count in report["unknown_policies"].items():
        yield f"  by the policy {name}: {count} decisions cannot be replayed, this code has no such policy"
    if report["unsealed"]:
        yield f"  without seals: {report['unsealed']} decisions; inputs that nothing follows from were not compared"
    yield from _cross_checked(report)
    yield f"differences    {report['differences']} in {report['differing']} decisions"
    if report["first"]:
        yield from table_lines(COLUMNS, [[_text(item[name]) for name in COLUMNS] for item in report["first"]])
    if report["differences"] > len(report["first"]):
        yield f"and {report['differences'] - len(report['first'])} more"


def _cross_checked(report: Mapping[str, Any]) -> Iterator[str]:
    if len(report["sources"]) > 1:
        yield f"compared       {report['compared']} events of the {' with the '.join(report['sources'])}"
    if report["unsettled"]:
        yield f"  in one of them only: {report['unsettled']} events, from when the other has none or none yet"


def _text(value: Any) -> str:
    """Return numbers in full, so that two that differ in a bit never look alike."""
    return "-" if value is None else repr(value) if isinstance(value, float) else str(value)
