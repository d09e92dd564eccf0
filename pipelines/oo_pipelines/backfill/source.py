"""Tables as a backfill needs them: columns under their standard names, instants in UTC, nothing guessed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ibis
from ibis.expr.types import IntegerScalar, Table

from oo_pipelines.backfill.batch import BATCH_FEATURES, FACTS
from oo_pipelines.backfill.engines import Engine
from oo_pipelines.backfill.known import HISTORY, SPINE
from oo_pipelines.backfill.options import BadInput

__all__ = ["Times", "facts", "history", "read", "spine"]

PLACE = ("stream", "sequence")  # where the offline log's tables say that an event stood
INSTANTS = ("decided_at", "event_timestamp", "created_timestamp")
KINDS = {"signals": {"kind": "type", "subject": "task_id"}, "reactions": {"kind": "reaction", "subject": "request_id"}}


@dataclass(frozen=True, slots=True)
class Times:
    """The columns that say when something happened, and when we were told."""

    event: str
    created: str


def read(engine: Engine, option: str, location: str) -> Table:
    """Parquet (a file, a folder or a pattern) or a Delta table (a folder with `_delta_log`, or a URL `delta+…`).

    Raises:
        BadInput: nothing is there, or it is neither.
    """
    delta = location.startswith("delta+") or (Path(location) / "_delta_log").is_dir()
    try:
        return (engine.delta if delta else engine.parquet)(location.removeprefix("delta+"))
    except engine.errors as error:
        raise BadInput(f"{option}: {location} cannot be read: {str(error).splitlines()[0]}") from error


def spine(table: Table) -> Table:
    """The decisions. The instant of a decision is its `decided_at`; in the offline log the first of a request stands.

    Raises:
        BadInput: a column is missing or of the wrong type, or a request_id is there twice.
    """
    found = _named(_first(table), "--spine", {name: name for name in SPINE})
    if twice := _one(found.count() - found.request_id.nunique()):
        raise BadInput(f"--spine: request_id is null or there before in {twice} rows; one row per decision")
    return found


def _first(table: Table) -> Table:
    """A log has what its stream had, so also a request that was asked again, and an event that was sent again."""
    if not {"request_id", *PLACE} <= set(table.columns):
        return table
    nth = ibis.row_number().over(group_by="request_id", order_by=[table[name] for name in PLACE])
    return table.mutate(nth=nth).filter(ibis._.nth == 0)


def history(table: Table, name: str, times: Times) -> Table:
    """All values that a feature ever had.

    Raises:
        BadInput: a column is missing, or the value is no number.
    """
    wanted = dict(zip((*HISTORY, name), ("user_id", times.event, times.created, "event_id", name), strict=True))
    found = _named(table, "--source", wanted)
    if not found[name].type().is_numeric():
        raise BadInput(f"--source: {name} is {found[name].type()}, not a number")
    return found


def facts(engine: Engine, table: Table, name: str, times: Times) -> Table:
    """Signals or reactions, whichever the batch feature counts.

    A signal's task may be a column `task_id` or in the JSON text of `data`.

    Raises:
        BadInput: the feature is not computed from facts, or a column is missing.
    """
    if name not in BATCH_FEATURES:
        known = ", ".join(BATCH_FEATURES)
        raise BadInput(f"--source: no column {name}, and it is not computed from facts here; these are: {known}")
    source = BATCH_FEATURES[name].source
    if source == "signals" and "task_id" not in table.columns and "data" in table.columns:
        table = table.mutate(task_id=engine.text_in(table.data, "task_id"))
    theirs = ("user_id", "event_id", KINDS[source]["kind"], KINDS[source]["subject"], times.event, times.created)
    return _named(table, "--source", dict(zip(FACTS, theirs, strict=True)))


def _named(table: Table, option: str, wanted: dict[str, str]) -> Table:
    """Our names for theirs. Instants without a zone are UTC."""
    if missing := [theirs for theirs in wanted.values() if theirs not in table.columns]:
        raise BadInput(f"{option}: no column {', '.join(missing)}; there are {', '.join(table.columns)}")
    instants = {ours: theirs for ours, theirs in wanted.items() if ours in INSTANTS}
    for theirs in instants.values():
        if not table[theirs].type().is_timestamp():
            raise BadInput(f"{option}: {theirs} is {table[theirs].type()}, not a timestamp")
    named = {ours: table[theirs] for ours, theirs in wanted.items()}
    return table.select(**named | {ours: table[theirs].cast("timestamp('UTC')") for ours, theirs in instants.items()})


def _one(number: IntegerScalar) -> int:
    found: int = number.to_pyarrow().as_py()
    return found
