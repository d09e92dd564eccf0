"""This module reads a body of `/score` into columns at a tenth of pydantic's cost, if there is nothing odd about it.

The contract is pydantic's `ScoreRequest`: a body that this decoder does not accept is read again by it, which knows
every spelling and finds the words of a refusal. So the decoder accepts what Todoist's REST v2 and API v1 document and
nothing else, and gives for it what pydantic would; a property test holds it to that. The one difference: pydantic
refuses a body that is nested more than 200 deep, and here such depth in a field that nobody reads is ignored like it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from msgspec import UNSET
from oo_contracts.score_call import ScoreCall
from oo_contracts.task import day_or_time
from oo_contracts.task_columns import CandidateColumns, TaskColumns
from oo_contracts.user_call import ProfileInstants
from oo_contracts.wire import is_name
from oo_contracts.zones import UnknownZone, iana_zone
from pydantic import TypeAdapter, ValidationError

from oo_transformers.score_fields import CandidateFields, DueFields, ScoreFields, TaskFields

__all__ = ["decode_score_call"]

MAX_QUICK_BYTES = 256 << 10  # read at once: a larger body is read in steps, between which other calls have the loop
SURPLUS_DIGITS = re.compile(rb"\.\d{7,}[Zz+-]")  # of a second: msgspec rounds to microseconds, pydantic cuts off
INSTANTS_ADAPTER: TypeAdapter[ProfileInstants] = TypeAdapter(ProfileInstants)


class OddBody(Exception):
    """The body has something that only pydantic reads, or refuses."""


DECODER = msgspec.json.Decoder(ScoreFields)


def decode_score_call(body: bytes) -> ScoreCall | None:
    """Return the call, or None for a body that pydantic has to read."""
    if len(body) > MAX_QUICK_BYTES or SURPLUS_DIGITS.search(body):
        return None
    try:
        body.decode()  # msgspec does not look into the texts that it skips
        return _call(DECODER.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValidationError, UnknownZone, OddBody):
        return None


def _call(fields: ScoreFields) -> ScoreCall:
    tasks = _task_columns(fields.tasks)
    candidates = _candidate_columns(fields.candidates, tasks)
    _require_names([*filter(None, (fields.user_id, fields.request_id, fields.baseline))])
    known_ids = tasks.ids if fields.candidates is None else candidates.ids
    if fields.baseline is not None and fields.baseline not in known_ids:
        raise OddBody
    stamps = fields.profile_computed_at
    return ScoreCall(
        fields.request_id,
        fields.user_id,
        "UTC" if fields.timezone is None else iana_zone(fields.timezone),
        tasks,
        candidates,
        fields.baseline,
        fields.profile_features,
        None if stamps is UNSET else INSTANTS_ADAPTER.validate_json(bytes(stamps)),
    )


def _task_columns(tasks: Sequence[TaskFields]) -> TaskColumns:
    ids = [task.id for task in tasks]
    others = [name for task in tasks for name in (task.project_id, task.parent_id) if name is not None]
    _require_names(ids)
    _require_names(others)
    _require_unique(ids)
    return TaskColumns(
        ids=ids,
        priority=[task.priority for task in tasks],
        due=[None if task.due is None else _due(task.due) for task in tasks],
        is_recurring=[task.due is not None and task.due.is_recurring for task in tasks],
        created_at=[_created(task) for task in tasks],
        completed=[task.is_completed or task.checked or task.completed or task.is_deleted for task in tasks],
        labels=[len(task.labels) for task in tasks],
        content_length=[len(task.content) for task in tasks],
        has_parent=[task.parent_id is not None for task in tasks],
    )


def _due(due: DueFields) -> date:
    """Return the first of the three that is there; REST v2 sends `datetime: null` beside a day without a time."""
    text = due.date if due.datetime is None or due.datetime is UNSET else due.datetime
    if text is UNSET:
        text = due.when
    try:
        return day_or_time(text)
    except ValueError:
        raise OddBody from None


def _created(task: TaskFields) -> datetime | None:
    at = task.added_at if task.created_at is UNSET else task.created_at
    return None if at is UNSET else at


def _candidate_columns(candidates: Sequence[CandidateFields] | None, tasks: TaskColumns) -> CandidateColumns:
    if candidates is None:
        return CandidateColumns.of_open_tasks(tasks)
    columns = CandidateColumns.from_candidates(candidates)
    _require_names(
        [*columns.ids, *(name for name in (*columns.task_ids, *columns.prompt_versions) if name is not None)]
    )
    _require_unique(columns.ids)
    about = {task_id for kind, task_id in zip(columns.kinds, columns.task_ids, strict=True) if kind == "task"}
    if not about <= set(tasks.ids):
        raise OddBody
    return columns.without_completed(tasks)


def _require_names(names: Sequence[str]) -> None:
    """Refuse texts that no id can be. Most ids are letters and digits alone, and so are many of them in a row."""
    joined = "".join(names)
    if not (joined.isascii() and joined.isprintable() and " " not in joined) and not all(map(is_name, names)):
        raise OddBody


def _require_unique(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise OddBody
