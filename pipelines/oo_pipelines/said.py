"""What a person gets to read of a replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["replayed"]

COLUMNS = ("request_id", "candidate_id", "what", "logged", "recomputed")


def replayed(found: Mapping[str, Any]) -> Iterator[str]:
    """The summary, what was left out and why, and the first differences as a table."""
    yield f"decisions      {found['decisions']}, {found['per_second']:,.0f} a second"
    yield f"replayed       {found['replayed']} with {found['rows']} rows"
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
        yield from _table([[_text(item[name]) for name in COLUMNS] for item in found["first"]])
    if found["differences"] > len(found["first"]):
        yield f"and {found['differences'] - len(found['first'])} more"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    all_rows = [[name.replace("_id", "") for name in COLUMNS], *rows]
    widths = [max(map(len, column)) for column in zip(*all_rows, strict=True)]
    for row in all_rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _text(value: Any) -> str:
    """Numbers in full: two that differ in a bit never look alike."""
    return "-" if value is None else repr(value) if isinstance(value, float) else str(value)
