"""One feature at each decision of a spine, read, computed and written by one engine."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ibis.expr.types import Table
from oo_features.profile_schema import PROFILE_FEATURES

from oo_pipelines.backfill import source
from oo_pipelines.backfill.batch import computed
from oo_pipelines.backfill.engines import DuckDB, Engine, Spark
from oo_pipelines.backfill.known import as_known, judged
from oo_pipelines.backfill.options import BadInput
from oo_pipelines.backfill.source import Times

__all__ = ["run", "values"]

Progress = Callable[[str, int, int], None]
FEATURES = {item.name: item for item in PROFILE_FEATURES}


def run(given: argparse.Namespace, progress: Progress) -> dict[str, object]:
    """Do what the words say; how many decisions there are, and how many fell back for which reason.

    Raises:
        BadInput: what is wrong, with the option named.
        OSError: it could not be computed or written.
    """
    if "://" not in given.out and Path(given.out).exists():
        raise BadInput(f"--out: {given.out} is there already")
    progress("starting the engine", 0, 3)
    engine: Engine = Spark.start(given.master) if given.engine == "spark" else DuckDB.start()
    progress("reading the decisions", 1, 3)
    decisions = source.spine(source.read(engine, "--spine", given.spine))
    table = source.read(engine, "--source", given.source)
    progress(f"computing {given.feature}", 2, 3)
    _write(engine, values(engine, decisions, table, given), given.out)
    progress(f"written to {given.out}", 3, 3)
    return {"feature": given.feature, "engine": given.engine, "out": given.out} | _told(engine.parquet(given.out))


def _write(engine: Engine, table: Table, out: str) -> None:
    try:
        engine.write(table, out)
    except engine.errors as error:
        raise OSError(f"--out: {out} is not written: {str(error).splitlines()[0]}") from error


def values(engine: Engine, decisions: Table, table: Table, given: argparse.Namespace) -> Table:
    """The backfill as one expression: the newest known value where the source has values, else computed from facts."""
    name = given.feature
    if name in table.columns:
        times = Times(given.event_time or "event_timestamp", given.created_time)
        known = as_known(decisions, source.history(table, name, times), name)
    else:
        times = Times(given.event_time or "occurred_at", given.created_time)
        known = computed(decisions, source.facts(engine, table, name, times), name)
    return judged(known, FEATURES[name])


def _told(written: Table) -> dict[str, Any]:
    counted = written.group_by("reason").aggregate(rows=written.count()).to_pyarrow().to_pylist()
    rows = Counter({row["reason"]: row["rows"] for row in counted})
    known = rows.pop(None, 0)
    return {"decisions": known + rows.total(), "known": known} | dict(sorted(rows.items()))
