"""Backfills on an engine: DuckDB in this process, Spark in one of its own, for PySpark leaves sockets to the collector.

What an engine finds is read from the file that it writes, as in a backfill.
"""

from __future__ import annotations

import functools
import multiprocessing
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor

import pyarrow.parquet as pq
from oo_pipelines.backfill import command, source
from oo_pipelines.backfill.engines import DuckDB, Spark

__all__ = ["InProcess", "OnSpark"]


class InProcess:
    """DuckDB, here."""

    name = "duckdb"

    def backfill(self, folder, feature, out):
        """request_id → row of the file that the backfill of `folder`'s spine and source wrote."""
        _backfill(self.name, folder, feature, out)
        return _rows(out)


class OnSpark:
    """A real Spark on two threads of a real JVM, until `stop`."""

    name = "spark"

    def __init__(self):
        self.process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def backfill(self, folder, feature, out):
        self.process.submit(_backfill, self.name, folder, feature, out).result(120)
        return _rows(out)

    def stop(self):
        self.process.shutdown()


@functools.cache
def _engine(name):
    return Spark.start("local[2]") if name == "spark" else DuckDB.start()


def _backfill(engine_name, folder, feature, out):
    engine = _engine(engine_name)
    given = Namespace(feature=feature, event_time=None, created_time="created_timestamp")
    spine, table = (source.read(engine, name, f"{folder}/{name}.parquet") for name in ("spine", "source"))
    engine.write(command.values(engine, source.spine(spine), table, given), str(out))


def _rows(out):
    return {row["request_id"]: row for row in pq.read_table(out).to_pylist()}
