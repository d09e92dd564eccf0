"""Backfills on an engine; what it finds is read from the file that it writes, as a backfill's is."""

from __future__ import annotations

import functools
import multiprocessing
import os
import time
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor

import pyarrow.parquet as pq
from oo_pipelines.backfill import backfill_command, backfill_tables
from oo_pipelines.backfill.engines import DuckDB, Spark

__all__ = ["Backfills"]


class Backfills:
    """One engine, `duckdb` or `spark` (a real JVM, two threads), in a process of its own until `stop`.

    PySpark leaves sockets to the collector, and a process may have a time zone of its own: far from UTC.
    """

    def __init__(self, engine):
        self.engine = engine
        zone = ("Pacific/Auckland",)
        self.process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _live_in, zone)

    def __call__(self, folder, feature, out, suffix=".parquet"):
        """request_id → row of the file that the backfill of `folder`'s spine and source wrote."""
        self.process.submit(_backfill, self.engine, folder, feature, out, suffix).result(120)
        return {row["request_id"]: row for row in pq.read_table(out).to_pylist()}

    def stop(self):
        self.process.shutdown()


def _live_in(zone):
    os.environ["TZ"] = zone
    time.tzset()


@functools.cache
def _engine(name):
    return Spark.start("local[2]") if name == "spark" else DuckDB.start()


def _backfill(engine_name, folder, feature, out, suffix):
    engine = _engine(engine_name)
    given = Namespace(feature=feature, event_time=None, created_time="created_timestamp")
    spine, table = (backfill_tables.read(engine, name, f"{folder}/{name}{suffix}") for name in ("spine", "source"))
    engine.write(backfill_command.values(engine, backfill_tables.spine(spine), table, given), str(out))
