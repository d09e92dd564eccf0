"""This module computes the checksums of a decision that is written as columns, one over each part of its document."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json

__all__ = ["document_checksums", "sealed_names"]

SEALED = ("request", "circumstances", "model", "policy", "candidates", "tasks", "context")  # parts of every decision
NUMBERS = {"row", "value", "propensity"}  # of candidates, which have no checksum
Plain = dict[str, Any]


def document_checksums(columns: Plain) -> dict[str, int]:
    """Return the CRC-32 of each part's JSON as it is written, by the part's name."""
    return {name: zlib.crc32(to_json(value, inf_nan_mode="strings")) for name, value in _sealed_parts(columns)}


def sealed_names(profile: Mapping[str, Any] | None, assignment: object, beliefs: object) -> tuple[str, ...]:
    """Return the names of the parts that have a checksum, in the order in which these are written."""
    optional = [name for name, facts in (("assignment", assignment), ("beliefs", beliefs)) if facts is not None]
    features = ["profile"] if profile is None else [f"profile.{name}" for name in profile]
    return (*SEALED, *optional, *features)


def _sealed_parts(columns: Plain) -> Iterator[tuple[str, Any]]:
    """Yield all inputs by the names of their parts.

    A feature of the profile has its own name in its part, too, so that a changed name is as visible as a changed value.
    """
    scalars = ("schema_version", "event_id", "request_id", "user_id", "decided_at", "feature_set", "baseline_id")
    yield "request", [columns.get(name) for name in scalars]
    policies = [shadow["policy"] for shadow in columns.get("shadows", ())]
    yield "circumstances", (columns.get("experiment"), columns.get("degraded"), policies)
    yield from ((name, columns[name]) for name in ("model", "policy"))
    candidates = columns.get("candidates", {})
    yield "candidates", {name: value for name, value in candidates.items() if name not in NUMBERS}
    yield "tasks", columns.get("tasks")
    context = columns["context"]
    yield "context", {name: value for name, value in context.items() if name != "profile"}
    yield from ((name, columns[name]) for name in ("assignment", "beliefs") if name in columns)
    if "profile" not in context:
        yield "profile", None
    else:
        yield from ((f"profile.{name}", (name, value)) for name, value in context["profile"].items())
