"""Tables in the form that a backfill needs: columns under their standard names, instants in UTC, nothing guessed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ibis
from ibis.expr.types import IntegerScalar, Table
from oo_decisions.standing_decision import FIRST_MADE_COLUMN

from oo_pipelines.backfill.backfill_options import BadBackfillInput
from oo_pipelines.backfill.batch import BATCH_FEATURES, FACT_COLUMNS
from oo_pipelines.backfill.engines import Engine
from oo_pipelines.backfill.point_in_time import HISTORY_COLUMNS, SPINE_COLUMNS

__all__ = ["Times", "facts", "history", "read", "spine"]

STREAM_POSITION = ("stream", "sequence")  # where the offline log's tables say that an event stood
INSTANTS = ("decided_at", "event_timestamp", "created_timestamp")
KINDS = {"signals": {"kind": "type", "subject": "task_id"}, "reactions": {"kind": "reaction", "subject": "request_id"}}


@dataclass(frozen=True, slots=True)
class Times:
    """The columns that say when something happened and when it was written."""

    event: str
    created: str


def read(engine: Engine, option: str, location: str) -> Table:
    """Return a table of Parquet (a file, a folder or a pattern) or Delta (a folder with `_delta_log`, or a URL
    `delta+…`).

    Raises:
        BadBackfillInput: nothing is there, or it is neither.
    """
    delta = location.startswith("delta+") or (Path(location) / "_delta_log").is_dir()
    try:
        return (engine.delta if delta else engine.parquet)(location.removeprefix("delta+"))
    except engine.errors as error:
        raise BadBackfillInput(f"{option}: {location} cannot be read: {str(error).splitlines()[0]}") from error


def spine(table: Table) -> Table:
    """Return the decisions, one row each; of the offline log the first made of a request counts.

    Raises:
        BadBackfillInput: a column is missing or of the wrong type, or a request_id is there twice.
    """
    decisions = _named(_first(table), "--spine", {name: name for name in SPINE_COLUMNS})
    if repeats := _one(decisions.count() - decisions.request_id.nunique()):
        raise BadBackfillInput(f"--spine: request_id is null or there before in {repeats} rows; one row per decision")
    return decisions


def _first(table: Table) -> Table:
    """Return the decision of each request that stands, as `oo_consumers.standing_sql` has it of the whole log.

    A log has what its stream had, so also a request that was made again, and an event that was sent again.
    """
    if not {"request_id", FIRST_MADE_COLUMN, *STREAM_POSITION} <= set(table.columns):
        return table
    position = [table[name] for name in STREAM_POSITION]
    arrived = table.mutate(arrival=ibis.row_number().over(group_by="event_id", order_by=position))
    once = arrived.filter(ibis._.arrival == 0)
    made = once.mutate(place=ibis.row_number().over(group_by="request_id", order_by=once[FIRST_MADE_COLUMN]))
    return made.filter(ibis._.place == 0)


def history(table: Table, name: str, times: Times) -> Table:
    """Return all values that a feature ever had.

    Raises:
        BadBackfillInput: a column is missing, or the value is no number.
    """
    source_names = dict(
        zip((*HISTORY_COLUMNS, name), ("user_id", times.event, times.created, "event_id", name), strict=True)
    )
    values = _named(table, "--source", source_names)
    if not values[name].type().is_numeric():
        raise BadBackfillInput(f"--source: {name} is {values[name].type()}, not a number")
    return values


def facts(engine: Engine, table: Table, name: str, times: Times) -> Table:
    """Return signals or reactions, whichever the batch feature counts.

    A signal's task may be a column `task_id` or in the JSON text of `data`.

    Raises:
        BadBackfillInput: the feature is not computed from facts, or a column is missing.
    """
    if name not in BATCH_FEATURES:
        computable = ", ".join(BATCH_FEATURES)
        raise BadBackfillInput(
            f"--source: no column {name}, and it is not computed from facts here; these are: {computable}"
        )
    source = BATCH_FEATURES[name].source
    if source == "signals" and "task_id" not in table.columns and "data" in table.columns:
        table = table.mutate(task_id=engine.text_in(table.data, "task_id"))
    source_names = ("user_id", "event_id", KINDS[source]["kind"], KINDS[source]["subject"], times.event, times.created)
    return _named(table, "--source", dict(zip(FACT_COLUMNS, source_names, strict=True)))


def _named(table: Table, option: str, source_names: dict[str, str]) -> Table:
    """Return the table with our names for its columns; instants without a zone are taken as UTC.

    `source_names` maps our names to the table's.
    """
    if missing := [source_name for source_name in source_names.values() if source_name not in table.columns]:
        raise BadBackfillInput(f"{option}: no column {', '.join(missing)}; there are {', '.join(table.columns)}")
    instants = {name: source_name for name, source_name in source_names.items() if name in INSTANTS}
    for source_name in instants.values():
        if not table[source_name].type().is_timestamp():
            raise BadBackfillInput(f"{option}: {source_name} is {table[source_name].type()}, not a timestamp")
    named = {name: table[source_name] for name, source_name in source_names.items()}
    return table.select(
        **named | {name: table[source_name].cast("timestamp('UTC')") for name, source_name in instants.items()}
    )


def _one(number: IntegerScalar) -> int:
    value: int = number.to_pyarrow().as_py()
    return value
