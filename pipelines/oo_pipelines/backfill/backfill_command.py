"""The backfill command: one feature at each decision of a spine, read, computed and written by one engine."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from ibis.expr.types import Table
from oo_features.profile_schema import PROFILE_FEATURES

from oo_pipelines.backfill import backfill_tables
from oo_pipelines.backfill.backfill_options import BadBackfillInput
from oo_pipelines.backfill.backfill_tables import Times
from oo_pipelines.backfill.batch import compute
from oo_pipelines.backfill.engines import DuckDB, Engine, Spark
from oo_pipelines.backfill.point_in_time import as_known, with_fallbacks
from oo_pipelines.progress_bar import show_progress
from oo_pipelines.settings import PipelineSettings

__all__ = ["run", "values"]

FEATURES = {item.name: item for item in PROFILE_FEATURES}


def run(args: argparse.Namespace, _settings: PipelineSettings) -> dict[str, object]:
    """Compute and write the backfill; return how many decisions there are, and how many fell back for which reason.

    Raises:
        BadBackfillInput: the input is wrong; the message names the option.
        OSError: it could not be computed or written.
    """
    if "://" not in args.out and Path(args.out).exists():
        raise BadBackfillInput(f"--out: {args.out} is there already")
    show_progress("starting the engine", 0, 3)
    engine: Engine = Spark.start(args.master) if args.engine == "spark" else DuckDB.start()
    show_progress("reading the decisions", 1, 3)
    decisions = backfill_tables.spine(backfill_tables.read(engine, "--spine", args.spine))
    table = backfill_tables.read(engine, "--source", args.source)
    show_progress(f"computing {args.feature}", 2, 3)
    _write(engine, values(engine, decisions, table, args), args.out)
    show_progress(f"written to {args.out}", 3, 3)
    return {"feature": args.feature, "engine": args.engine, "out": args.out} | _summary(engine.parquet(args.out))


def _write(engine: Engine, table: Table, out: str) -> None:
    try:
        engine.write(table, out)
    except engine.errors as error:
        raise OSError(f"--out: {out} is not written: {str(error).splitlines()[0]}") from error


def values(engine: Engine, decisions: Table, table: Table, args: argparse.Namespace) -> Table:
    """Return the backfill as one expression: the newest known value where the source has values, else computed from
    facts.

    Raises:
        BadBackfillInput: the source lacks a column, or the feature cannot be computed from facts.
    """
    name = args.feature
    if name in table.columns:
        times = Times(args.event_time or "event_timestamp", args.created_time)
        known = as_known(decisions, backfill_tables.history(table, name, times), name)
    else:
        times = Times(args.event_time or "occurred_at", args.created_time)
        known = compute(decisions, backfill_tables.facts(engine, table, name, times), name)
    return with_fallbacks(known, FEATURES[name])


def _summary(written: Table) -> dict[str, Any]:
    counted = written.group_by("reason").aggregate(rows=written.count()).to_pyarrow().to_pylist()
    rows = Counter({row["reason"]: row["rows"] for row in counted})
    known = rows.pop(None, 0)
    return {"decisions": known + rows.total(), "known": known} | dict(sorted(rows.items()))
