"""Seals: a checksum for each part of a decision that it followed from, by name.

Replay recomputes what follows from an event's inputs. An input that was changed where nothing follows from it (the last
bit of a profile value, a second of a due time, the share of a policy that had one candidate only) would replay as the
same decision; its seal tells, and names the part.
A CRC-32 finds every single flipped bit (Koopman, 32-Bit Cyclic Redundancy Codes for Internet Applications, 2002); it
guards against faults, not against forgers.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic_core import to_json

from oo_contracts.events import GenerateDecision, ScoreDecision

__all__ = ["broken", "sealed", "seals"]

D = TypeVar("D", ScoreDecision, GenerateDecision)


def sealed(of: D) -> D:
    """The decision with its seals."""
    return of.model_copy(update={"seals": seals(of)})


def broken(of: ScoreDecision | GenerateDecision) -> list[str]:
    """Names of the parts that are not what was sealed; none for a decision without seals."""
    if of.seals is None:
        return []
    found = seals(of)
    return sorted(name for name in found.keys() | of.seals.keys() if found.get(name) != of.seals.get(name))


def seals(of: ScoreDecision | GenerateDecision) -> dict[str, int]:
    """CRC-32 of each part's JSON, the same before and after a journey through the log."""
    parts = _round(of) if isinstance(of, ScoreDecision) else _tip(of)
    return {name: zlib.crc32(to_json(value, inf_nan_mode="strings")) for name, value in parts}


def _tip(of: GenerateDecision) -> Iterator[tuple[str, Any]]:
    yield "request", (of.event_id, of.request_id, of.user_id, of.candidate_id, of.decided_at)
    yield "tip", (of.prompt_digest, of.model, of.fallback, of.usage, of.latency_ms)
    if (draw := of.draw) is not None:
        yield "circumstances", (draw.experiment, [shadow.policy for shadow in draw.shadows])
        for name in ("versions", "default", "policy", "candidate", "assignment", "beliefs"):
            yield name, getattr(draw, name)


def _round(of: ScoreDecision) -> Iterator[tuple[str, Any]]:
    moment = of.moment
    yield "request", (of.event_id, of.request_id, of.user_id, of.feature_set, of.baseline, of.decided_at)
    yield "circumstances", (of.experiment, of.degraded, [shadow.policy for shadow in of.shadows])
    yield "model", of.model
    yield "policy", of.policy
    yield "candidates", [(it.id, it.kind, it.task_id, it.prompt_version, it.eligible) for it in of.candidates]
    yield "now", moment.now
    yield "timezone", moment.timezone
    yield "tasks", moment.tasks
    yield "profile_computed_at", moment.profile_computed_at
    for name in ("assignment", "beliefs"):
        if (said := getattr(of, name)) is not None:
            yield name, said
    if moment.profile is None:
        yield "profile", None
    else:
        yield from ((f"profile.{name}", value) for name, value in moment.profile.items())
