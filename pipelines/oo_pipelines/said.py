"""What a person gets to read of a replay, and of drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["drifted", "replayed"]

COLUMNS = ("request_id", "candidate_id", "what", "logged", "recomputed")
DRIFT = ("feature", "alarms", "test", "psi", "q", "fallback_before", "fallback_now", "fallback_q")


def replayed(found: Mapping[str, Any]) -> Iterator[str]:
    """The summary, what was left out and why, and the first differences as a table."""
    speed = f"{found['per_second']:,.0f} a second, after {found['loading']:.1f} s of loading models"
    yield f"decisions      {found['decisions']}, {speed}"
    yield f"replayed       {found['replayed']} with {found['rows']} rows"
    if found["draws"]:
        yield f"drawn again    {found['draws']} prompt versions"
    for name, count in found["models"].items():
        yield f"  values of {name}: {count} decisions compared"
    for name, count in found["missing_models"].items():
        yield f"  values of {name}: {count} decisions NOT compared: {found['why_missing'].get(name, 'not available')}"
    for name, count in found["other_fingerprints"].items():
        yield f"  of {name}: {count} decisions cannot be replayed by this code"
    for name, count in found["unknown_policies"].items():
        yield f"  by the policy {name}: {count} decisions cannot be replayed, this code has no such policy"
    if found["unsealed"]:
        yield f"  without seals: {found['unsealed']} decisions; inputs that nothing follows from were not compared"
    yield f"differences    {found['differences']} in {found['differing']} decisions"
    if found["first"]:
        yield from _columns(COLUMNS, [[_text(item[name]) for name in COLUMNS] for item in found["first"]])
    if found["differences"] > len(found["first"]):
        yield f"and {found['differences'] - len(found['first'])} more"


def _columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    all_rows = [[name.removesuffix("_id").replace("_", " ") for name in names], *rows]
    widths = [max(map(len, column)) for column in zip(*all_rows, strict=True)]
    for row in all_rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _text(value: Any) -> str:
    """Numbers in full: two that differ in a bit never look alike."""
    return "-" if value is None else repr(value) if isinstance(value, float) else str(value)


def drifted(found: Mapping[str, Any]) -> Iterator[str]:
    """The verdict, what was compared with what, and the features, the worst first."""
    yield f"{found['verdict']}: {found['window']}, {found['rounds_now']} rounds of {found['users_now']} users"
    reference = ", ".join(found["reference"]) or "no whole week before"
    yield f"against {reference}: {found['rounds_before']} rounds of {found['users_before']} users"
    for name, count in found["set_aside"].items():
        yield f"  {count} rounds of {name} were left out: they have other features"
    if found["features"]:
        yield from _columns(DRIFT, [[_short(item[name]) for name in DRIFT] for item in found["features"]])
    if found["html"]:
        yield f"written to {found['html']}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "-" if value is None else ", ".join(value) if isinstance(value, list | tuple) else str(value)
