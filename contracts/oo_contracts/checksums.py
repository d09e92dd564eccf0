"""This module computes a checksum for each named part of the inputs that a decision followed from.

Replay recomputes a decision from an event's inputs. A corrupted input from which nothing follows (the last bit of a
profile value, a second of a due time, the share of a policy that had one candidate only) would replay as the same
decision; only its checksum shows the fault, and names the part.

A CRC-32 finds every single flipped bit (Koopman, "32-Bit Cyclic Redundancy Codes for Internet Applications", DSN 2002).
It guards against faults, not against forgers.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic_core import to_json

from oo_contracts.decision_columns import columns_of, input_columns
from oo_contracts.document_checksums import document_checksums
from oo_contracts.events import COLUMNAR_VERSION, GenerateDecision, ScoreDecision

__all__ = ["checksums", "mismatches", "with_checksums"]

EARLIER_PARTS = {"candidate": "candidate_propensity"}  # names of parts as decisions of schema 1.0 have them
D = TypeVar("D", ScoreDecision, GenerateDecision)


def with_checksums(decision: D) -> D:
    """Return a copy of the decision that carries its checksums in the field `seals`."""
    if isinstance(decision, ScoreDecision) and decision.schema_version == COLUMNAR_VERSION:
        columns = columns_of(decision)
        return decision.with_encoded_columns(columns, document_checksums(columns))
    return decision.model_copy(update={"seals": checksums(decision)})


def mismatches(decision: ScoreDecision | GenerateDecision) -> list[str]:
    """Return the sorted names of the parts that differ from their checksums.

    A decision without checksums has no mismatches: older versions did not write any.
    """
    if decision.seals is None:
        return []
    actual, logged = checksums(decision), {EARLIER_PARTS.get(name, name): crc for name, crc in decision.seals.items()}
    return sorted(name for name in actual.keys() | logged.keys() if actual.get(name) != logged.get(name))


def checksums(decision: ScoreDecision | GenerateDecision) -> dict[str, int]:
    """Return the CRC-32 of each part's JSON, by the part's name.

    A decision that was written to a log and read again has the same checksums. Those of one in columns are over them.
    """
    if isinstance(decision, ScoreDecision) and decision.schema_version == COLUMNAR_VERSION:
        return document_checksums(input_columns(decision))
    parts = _decision_parts(decision) if isinstance(decision, ScoreDecision) else _tip_parts(decision)
    return {name: zlib.crc32(to_json(value, inf_nan_mode="strings")) for name, value in parts}


def _tip_parts(decision: GenerateDecision) -> Iterator[tuple[str, Any]]:
    yield (
        "request",
        (decision.event_id, decision.request_id, decision.user_id, decision.candidate_id, decision.decided_at),
    )
    yield "tip", (decision.prompt_digest, decision.model, decision.fallback, decision.usage, decision.latency_ms)
    if (draw := decision.draw) is not None:
        yield "circumstances", (draw.experiment, [shadow.policy for shadow in draw.shadows])
        for name in ("versions", "default", "policy", "candidate_propensity", "assignment", "beliefs"):
            yield name, getattr(draw, name)


def _decision_parts(decision: ScoreDecision) -> Iterator[tuple[str, Any]]:
    context = decision.moment
    yield (
        "request",
        (
            decision.event_id,
            decision.request_id,
            decision.user_id,
            decision.feature_set,
            decision.baseline_id,
            decision.decided_at,
        ),
    )
    yield "circumstances", (decision.experiment, decision.degraded, [shadow.policy for shadow in decision.shadows])
    yield "model", decision.model
    yield "policy", decision.policy
    yield (
        "candidates",
        [(item.id, item.kind, item.task_id, item.prompt_version, item.eligible) for item in decision.candidates],
    )
    yield "now", context.now
    yield "timezone", context.timezone
    yield "tasks", context.tasks
    yield "profile_computed_at", context.profile_computed_at
    for name in ("assignment", "beliefs"):
        if (facts := getattr(decision, name)) is not None:
            yield name, facts
    if context.profile is None:
        yield "profile", None
    else:
        yield from ((f"profile.{name}", value) for name, value in context.profile.items())
