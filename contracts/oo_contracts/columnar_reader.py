"""This module reads a decision of `/score` that was written as columns (`oo_contracts.decision_columns`).

It gives the plain values of a ScoreDecision, which are validated like those of an event of any version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, from_json

from oo_contracts.columnar_decision import ColumnarCandidates, ColumnarDecision, ColumnarTasks
from oo_contracts.decision_parts import DecidedCandidate
from oo_contracts.document_checksums import sealed_names
from oo_contracts.event import STORED_CONTEXT
from oo_contracts.instant_column import spread_instants
from oo_contracts.limits import MAX_COLUMN_LENGTH, MAX_ROW_VALUES
from oo_contracts.packed_numbers import BadColumn, spread_numbers, unpack
from oo_contracts.plain_columns import resolve, spread
from oo_contracts.row_columns import spread_rows
from oo_contracts.task import TaskFacts
from oo_contracts.valid_models import valid_models
from oo_contracts.wire import MAX_NAME_LENGTH, MUST_BE_VISIBLE, is_name

__all__ = ["names_columns", "read_columns"]

T = TypeVar("T")
Plain = dict[str, Any]
NAMED = r'"schema_version"\s*:\s*"2\.'  # what no event of 1.x has, but in a text or below another name
_in_text, _in_bytes = re.compile(NAMED), re.compile(NAMED.encode())


def names_columns(data: str | bytes) -> bool:
    """Whether a text may be a decision in columns; one that is says so."""
    return (_in_text.search(data) if isinstance(data, str) else _in_bytes.search(data)) is not None


def read_columns(data: str | bytes, context: str | None = None) -> Plain | None:
    """Return the values of a ScoreDecision; None for an event of another version, or for what is no event at all.

    `context` is that of the validation, as for `oo_contracts.event.Event.read_stored`.

    Raises:
        pydantic.ValidationError: the columns are malformed, or do not fit together.
    """
    if not names_columns(data):
        return None
    try:
        plain = from_json(data)
    except ValueError:
        return None
    if not isinstance(plain, dict) or not str(plain.get("schema_version")).startswith("2."):
        return None
    return _decision(ColumnarDecision.model_validate(plain, context=context), context)


def _decision(document: ColumnarDecision, context: str | None) -> Plain:
    scalars = ("schema_version", "event_id", "request_id", "user_id", "decided_at", "feature_set")
    outcome = ("propensity", "model", "policy", "experiment", "degraded", "assignment", "beliefs")
    tasks, candidates = document.tasks, document.candidates
    count = len(tasks.id if candidates.id is None else candidates.id)
    _part("candidates", _check_size, document, count)
    decided = _part("candidates", _candidates, candidates, tasks.id, count, context)
    ids = [item.id for item in decided]
    return {name: getattr(document, name) for name in (*scalars, *outcome)} | {
        "moment": _context(document),
        "candidates": decided,
        "chosen_id": _part("chosen_id", resolve, [document.chosen_id], ids)[0],
        "baseline_id": _part("baseline_id", resolve, [document.baseline_id], ids)[0],
        "shadows": _part("shadows", _shadows, document, count),
        "fallbacks": _part("fallbacks", _fallbacks, document),
        "seals": _part("seals", _seals, document),
    }


def _context(document: ColumnarDecision) -> Plain:
    context = document.context
    return {
        "now": context.now or document.decided_at,
        "timezone": context.timezone,
        "tasks": _part("tasks", _tasks, document.tasks, len(document.tasks.id)),
        "profile": context.profile,
        "profile_computed_at": context.profile_computed_at,
    }


def _part(name: str, read: Callable[..., T], *columns: Any) -> T:
    """Return what `read` makes of columns.

    Raises:
        pydantic.ValidationError: they are malformed.
    """
    try:
        return read(*columns)
    except BadColumn as error:
        kind = PydanticCustomError("column", "{why}", {"why": str(error)})
        details = InitErrorDetails(type=kind, loc=(name,), input=None)
        raise ValidationError.from_exception_data("ScoreDecision", [details]) from None


def _named(name: str, read: Callable[..., T], *arguments: Any) -> T:
    """Return what `read` makes of a column; its refusal names the column."""
    try:
        return read(*arguments)
    except BadColumn as error:
        raise BadColumn(f"{name} {error}") from None


def _check_size(document: ColumnarDecision, count: int) -> None:
    """Refuse what would take much more memory than its bytes: few numbers may stand for many candidates.

    Raises:
        BadColumn: it has too many tasks, candidates, or numbers of candidates.
    """
    if max(len(document.tasks.id), count) > MAX_COLUMN_LENGTH:
        raise BadColumn(f"has more than {MAX_COLUMN_LENGTH} tasks or candidates")
    if count * len(document.shadows) > MAX_ROW_VALUES:
        raise BadColumn(f"has more than {MAX_ROW_VALUES} propensities")


def _tasks(tasks: ColumnarTasks, count: int) -> tuple[TaskFacts, ...]:
    """Return the tasks, whose values the columns have validated, but for what a day or an instant may be."""
    columns = (
        tasks.id,
        _named("priority", spread, tasks.priority, 1, count),
        _named("due", _due, tasks, count),
        map(bool, _named("is_recurring", spread, tasks.is_recurring, 0, count)),
        _named("created_at", spread_instants, tasks.created_at, count),
        map(bool, _named("completed", spread, tasks.completed, 0, count)),
        _named("labels", spread, tasks.labels, 0, count),
        _named("content_length", spread, tasks.content_length, 0, count),
        map(bool, _named("has_parent", spread, tasks.has_parent, 0, count)),
    )
    return valid_models(TaskFacts, *columns)


def _due(tasks: ColumnarTasks, count: int) -> Sequence[date | None]:
    values = spread_instants(tasks.due, count)
    if any(isinstance(value, datetime) and value.year in {MINYEAR, MAXYEAR} for value in values):
        raise BadColumn("is in the first or the last year, which have no place in every time zone")
    return values


def _candidates(
    candidates: ColumnarCandidates, task_ids: Sequence[str], count: int, context: str | None
) -> tuple[DecidedCandidate, ...]:
    """Return the candidates, whose ids and numbers are validated here, and all else of them by the columns."""
    ids = task_ids if candidates.id is None else _named("id", resolve, candidates.id, task_ids)
    kinds = _named("kind", spread, candidates.kind, "task", count)
    if not all(map(_is_stored_name if context == STORED_CONTEXT else is_name, ids)):
        raise BadColumn(f"id: {MUST_BE_VISIBLE}, and at most {MAX_NAME_LENGTH}")
    columns = (
        ids,
        kinds,
        _task_ids(candidates, task_ids, ids, kinds),
        _named("prompt_version", spread, candidates.prompt_version, None, count),
        map(bool, _named("eligible", spread, candidates.eligible, 1, count)),
        _named("row", spread_rows, candidates.row, count),
        _named("value", spread_numbers, candidates.value, count),
        _named("propensity", spread_numbers, candidates.propensity, count),
    )
    return valid_models(DecidedCandidate, *columns)


def _is_stored_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME_LENGTH


def _task_ids(
    candidates: ColumnarCandidates, task_ids: Sequence[str], ids: Sequence[str], kinds: Sequence[str]
) -> Sequence[str | None]:
    if candidates.task_id is None:
        return [name if kind == "task" else None for name, kind in zip(ids, kinds, strict=True)]
    return _named("task_id", spread, tuple(_named("task_id", resolve, candidates.task_id, task_ids)), None, len(ids))


def _shadows(document: ColumnarDecision, count: int) -> list[Plain]:
    return [
        {
            "policy": shadow.policy,
            "propensities": unpack(shadow.propensity)
            if isinstance(shadow.propensity, str)
            else spread_numbers(shadow.propensity, count),
        }
        for shadow in document.shadows
    ]


def _fallbacks(document: ColumnarDecision) -> list[Plain]:
    features = document.fallbacks.feature
    reasons = _named("reason", spread, document.fallbacks.reason, None, len(features))
    return [{"feature": feature, "reason": reason} for feature, reason in zip(features, reasons, strict=True)]


def _seals(document: ColumnarDecision) -> dict[str, int] | None:
    """Return the checksums by name.

    Raises:
        BadColumn: the decision has another number of parts.
    """
    if not isinstance(document.seals, str):
        return document.seals
    names = sealed_names(document.context.profile, document.assignment, document.beliefs)
    checksums = unpack(document.seals)
    if len(checksums) != len(names):
        raise BadColumn(f"has {len(checksums)} checksums of {len(names)} parts")
    return dict(zip(names, checksums, strict=True))
