"""This module writes a decision of `/score` as columns (`oo_contracts.columnar_decision`), which keep every bit of it.

The same decision always gives the same document, also after it was read again: its checksums are over its columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic_core import to_json

from oo_contracts.document_checksums import sealed_names
from oo_contracts.instant_column import instant_column
from oo_contracts.packed_numbers import number_column, pack, pack_floats
from oo_contracts.plain_columns import column, references
from oo_contracts.row_columns import row_columns
from oo_contracts.task_columns import CandidateColumns, TaskColumns

if TYPE_CHECKING:
    from oo_contracts.decision_parts import DecidedCandidate, ShadowPropensities
    from oo_contracts.events import ScoreDecision
    from oo_contracts.score import Fallback

__all__ = [
    "DecidedNumbers",
    "columns_of",
    "document_of",
    "encode_columns",
    "input_columns",
]

Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DecidedNumbers:
    """The numbers of a decision's candidates: the rows by feature, each of shape (candidates,), and one column each."""

    features: Sequence[Sequence[float]]
    values: Sequence[float]
    propensities: Sequence[float]

    @classmethod
    def from_candidates(cls, candidates: Sequence[DecidedCandidate]) -> Self:
        """Return the numbers of candidates that are objects.

        Raises:
            ValueError: their rows have different lengths.
        """
        features = list(zip(*(item.row for item in candidates), strict=True))
        return cls(features, [item.value for item in candidates], [item.propensity for item in candidates])


def columns_of(decision: ScoreDecision) -> Plain:
    """Return the decision as the plain values of a ColumnarDecision, without checksums and what is absent.

    Raises:
        ValueError: its rows have different lengths.
    """
    numbers = DecidedNumbers.from_candidates(decision.candidates)
    return document_of(decision, *_long_columns(decision), numbers)


def document_of(
    decision: ScoreDecision, tasks: TaskColumns, candidates: CandidateColumns, numbers: DecidedNumbers
) -> Plain:
    """Return the same of a decision whose tasks and candidates are columns already; its own are not looked at."""
    columns, written = _input_columns(decision, tasks, candidates), _number_columns(numbers)
    return columns | {"candidates": columns.get("candidates", {}) | written} if written else columns


def input_columns(decision: ScoreDecision) -> Plain:
    """Return the same without rows, values and propensities, which have no checksum: replay computes them again."""
    return _input_columns(decision, *_long_columns(decision))


def _long_columns(decision: ScoreDecision) -> tuple[TaskColumns, CandidateColumns]:
    return TaskColumns.from_facts(decision.moment.tasks), CandidateColumns.from_candidates(decision.candidates)


def _input_columns(decision: ScoreDecision, tasks: TaskColumns, candidates: CandidateColumns) -> Plain:
    scalars = ("schema_version", "event_id", "request_id", "user_id", "decided_at", "feature_set")
    outcome = ("propensity", "model", "policy", "experiment", "degraded", "assignment", "beliefs")
    index_by_id = {name: index for index, name in enumerate(candidates.ids)}
    chosen_id, baseline_id = references((decision.chosen_id, decision.baseline_id), index_by_id)
    return _without_none(
        {name: getattr(decision, name) for name in scalars}
        | {
            "context": _context(decision),
            "tasks": _task_columns(tasks) or None,
            "candidates": _candidate_columns(candidates, tasks) or None,
            "chosen_id": chosen_id,
            "baseline_id": baseline_id,
        }
        | {name: getattr(decision, name) for name in outcome}
        | {
            "shadows": [_shadow(shadow, len(candidates)) for shadow in decision.shadows] or None,
            "fallbacks": _fallback_columns(decision.fallbacks),
        }
    )


def encode_columns(columns: Plain, seals: Mapping[str, int] | None) -> bytes:
    """Return JSON of a decision's columns and its checksums; these have no names where each part has one.

    Raises:
        ValueError: a text is no Unicode.
    """
    if seals is None:
        return to_json(columns, inf_nan_mode="strings")
    profile, optional = columns["context"].get("profile"), (columns.get("assignment"), columns.get("beliefs"))
    names = sealed_names(profile, *optional)
    packed = pack("uint32", [seals[name] for name in names]) if seals.keys() == set(names) else seals
    return to_json(columns | {"seals": packed}, inf_nan_mode="strings")


def _without_none(fields: Plain) -> Plain:
    return {name: value for name, value in fields.items() if value is not None}


def _context(decision: ScoreDecision) -> Plain:
    context, at = decision.moment, decision.decided_at
    is_same = context.now == at and context.now.utcoffset() == at.utcoffset()
    return _without_none(
        {
            "now": None if is_same else context.now,
            "timezone": context.timezone,
            "profile": context.profile,
            "profile_computed_at": context.profile_computed_at,
        }
    )


def _task_columns(tasks: TaskColumns) -> Plain:
    """Return ColumnarTasks without what is absent."""
    return _without_none(
        {
            "id": list(tasks.ids) or None,
            "priority": column(tasks.priority, 1),
            "due": instant_column(tasks.due),
            "is_recurring": column(list(map(int, tasks.is_recurring)), 0),
            "created_at": instant_column(tasks.created_at),
            "completed": column(list(map(int, tasks.completed)), 0),
            "labels": column(tasks.labels, 0),
            "content_length": column(tasks.content_length, 0),
            "has_parent": column(list(map(int, tasks.has_parent)), 0),
        }
    )


def _candidate_columns(candidates: CandidateColumns, tasks: TaskColumns) -> Plain:
    """Return what ColumnarCandidates say of the call, without what is absent."""
    known_ids, ids, task_ids = list(tasks.ids), list(candidates.ids), list(candidates.task_ids)
    own_ids = [name if kind == "task" else None for name, kind in zip(ids, candidates.kinds, strict=True)]
    index_by_id = {task_id: index for index, task_id in enumerate(known_ids)}
    return _without_none(
        {
            "id": None if ids == known_ids else references(ids, index_by_id),
            "kind": column(candidates.kinds, "task"),
            "task_id": None if task_ids == own_ids else references(task_ids, index_by_id),
            "prompt_version": column(candidates.prompt_versions, None),
            "eligible": column(list(map(int, candidates.eligible)), 1),
        }
    )


def _number_columns(numbers: DecidedNumbers) -> Plain:
    return _without_none(
        {
            "row": row_columns(numbers.features) or None,
            "value": number_column(numbers.values),
            "propensity": number_column(numbers.propensities),
        }
    )


def _shadow(shadow: ShadowPropensities, count: int) -> Plain:
    numbers = shadow.propensities
    propensity = number_column(numbers) if len(numbers) == count else pack_floats(numbers)
    return _without_none({"policy": shadow.policy, "propensity": propensity})


def _fallback_columns(fallbacks: Sequence[Fallback]) -> Plain | None:
    if not fallbacks:
        return None
    reasons = column([item.reason for item in fallbacks], None)
    return {"feature": [item.feature for item in fallbacks], "reason": reasons}
