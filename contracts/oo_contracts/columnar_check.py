"""This module checks a decision in columns as it stands, without making an object of each task and candidate.

It accepts only what ScoreDecision accepts; a property test holds it to that. Whatever it doubts is read as a
ScoreDecision, which finds the words of a refusal, so that it may doubt what is rare.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Sequence
from typing import Any

from oo_contracts.columnar_decision import ColumnarCandidates, ColumnarDecision, ColumnarRows, InstantColumn
from oo_contracts.consistency import MAX_FLOAT32, choice_contradictions, propensity_contradictions
from oo_contracts.document_checksums import sealed_names
from oo_contracts.limits import MAX_COLUMN_LENGTH, MAX_NAME_LENGTH, MAX_ROW_VALUES
from oo_contracts.packed_numbers import BadColumn, bytes_of, spread_numbers, unpack
from oo_contracts.plain_columns import resolve
from oo_contracts.wire import is_name

__all__ = ["Doubtful", "chosen_candidate"]

MAX_FEATURES = 256  # of a row; more are rare, and the format of a long row would stay in the cache of `struct`
FIRST_DAY, LAST_DAY = -718_000, 2_932_000  # since 1970 began; their years have a place in every time zone
STEPS_A_DAY = {"day": 1, "second": 86_400, "microsecond": 86_400_000_000}
WHOLE = ("int32:", "int64:", "uint32:")


class Doubtful(Exception):
    """The decision is wrong, or has something that is rare."""


def chosen_candidate(document: ColumnarDecision) -> str | None:
    """Return the id of the chosen candidate of a decision whose columns fit together.

    Raises:
        Doubtful: it has to be read as a ScoreDecision.
    """
    try:
        return _chosen_candidate(document)
    except (BadColumn, struct.error):
        raise Doubtful from None


def _chosen_candidate(document: ColumnarDecision) -> str | None:
    candidates, task_ids = document.candidates, document.tasks.id
    ids = task_ids if candidates.id is None else resolve(candidates.id, task_ids)
    _require(max(len(task_ids), len(ids)) <= MAX_COLUMN_LENGTH)
    _require(len(ids) * len(document.shadows) <= MAX_ROW_VALUES)
    _require_names(ids)
    _check_tasks(document)
    _check_candidates(candidates, task_ids, len(ids))
    _check_outcome(document, len(ids))
    return _choice(document, ids)


def _require(holds: bool) -> None:
    if not holds:
        raise Doubtful


def _require_names(ids: Sequence[str]) -> None:
    """Require distinct names. Most are letters, digits and signs alone, which can be seen in one look at all."""
    joined = "".join(ids)
    if joined.isascii() and joined.isprintable() and " " not in joined:
        _require(all(0 < length <= MAX_NAME_LENGTH for length in set(map(len, ids))))
    else:
        _require(all(map(is_name, ids)))
    _require(len(set(ids)) == len(ids))


def _require_lengths(count: int, *columns: object) -> None:
    """Require of each column that has a value for each one of `count` to have as many."""
    _require(all(len(column) == count for column in columns if isinstance(column, tuple)))


def _check_tasks(document: ColumnarDecision) -> None:
    tasks = document.tasks
    count = len(tasks.id)
    flags = (tasks.is_recurring, tasks.completed, tasks.has_parent)
    _require_lengths(count, tasks.priority, tasks.labels, tasks.content_length, *flags)
    for column in (tasks.due, tasks.created_at):
        if column is not None:
            _check_instants(column, count)


def _check_instants(column: InstantColumn, count: int) -> None:
    """Accept days, and instants without an offset, that are far from both ends of the calendar."""
    forms = column.form * count if len(column.form) == 1 else column.form
    _require(len(forms) == count and "o" not in forms and not column.text)
    stepped = count - forms.count("-")
    if isinstance(column.at, str):
        _require(column.at.startswith(WHOLE))
        numbers: Sequence[int] = unpack(column.at)
        _require(len(numbers) == stepped)
    else:
        _require(column.at is not None or not stepped)
        numbers = () if column.at is None else (column.at,)
    if numbers:
        steps = STEPS_A_DAY[column.unit]
        _require(FIRST_DAY * steps <= min(numbers) and max(numbers) <= LAST_DAY * steps)


def _check_candidates(candidates: ColumnarCandidates, task_ids: Sequence[str], count: int) -> None:
    _require_lengths(count, candidates.kind, candidates.task_id, candidates.prompt_version, candidates.eligible)
    if candidates.task_id is not None:
        resolve(candidates.task_id, task_ids)
    _check_rows(candidates.row, count)
    values = spread_numbers(candidates.value, count)
    _require(not values or -MAX_FLOAT32 <= min(values) <= max(values) <= MAX_FLOAT32)


def _check_rows(rows: ColumnarRows, count: int) -> None:
    shared = unpack(rows.shared) if rows.shared else ()
    _require(len(rows.types) <= MAX_FEATURES and (count > 0 or not shared))
    _require(count * (len(shared) + len(rows.types)) <= MAX_ROW_VALUES)
    own = struct.unpack("<" + "".join([f"{count}{letter}" for letter in rows.types]), bytes_of(rows.own))
    _require(math.isfinite(sum(own)))  # then each of them is


def _check_outcome(document: ColumnarDecision, count: int) -> None:
    """Check what is neither a task nor a candidate."""
    _require(not isinstance(document.baseline_id, int) or document.baseline_id < count)
    fallbacks = document.fallbacks
    _require_lengths(len(fallbacks.feature), fallbacks.reason)
    _require(fallbacks.reason is not None or not fallbacks.feature)
    if isinstance(document.seals, str):
        names = sealed_names(document.context.profile, document.assignment, document.beliefs)
        _require(document.seals.startswith("uint32:") and len(unpack(document.seals)) == len(names))


def _choice(document: ColumnarDecision, ids: Sequence[str]) -> str | None:
    """Return the id of the chosen candidate, of which the propensities have no contradiction."""
    propensities = spread_numbers(document.candidates.propensity, len(ids))
    shadows = [spread_numbers(shadow.propensity, len(ids)) for shadow in document.shadows]
    if document.chosen_id is None:
        return None
    index = _index_of(document.chosen_id, ids)
    eligible = _eligible_indices(document.candidates.eligible, len(ids))
    _require(index in eligible)
    _require_none(choice_contradictions("", propensities, eligible, index, document.propensity))
    for numbers in shadows:
        _require_none(propensity_contradictions("", numbers, eligible))
    return ids[index]


def _index_of(chosen_id: int | str, ids: Sequence[str]) -> int:
    if isinstance(chosen_id, int):
        return chosen_id
    _require(chosen_id in ids)
    return ids.index(chosen_id)


def _eligible_indices(flags: Any, count: int) -> Collection[int]:
    if isinstance(flags, tuple):
        return {index for index, flag in enumerate(flags) if flag}
    return range(0 if flags == 0 else count)


def _require_none(contradictions: Any) -> None:
    _require(next(contradictions, None) is None)
