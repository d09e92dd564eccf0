"""Where expressions run: DuckDB here, Spark in a cluster. They differ in how tables are read and written, only.

Days are UTC's whatever the machine's zone: ibis sets both engines so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import ibis
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from ibis.expr.types import StringColumn, StringValue, Table

from oo_pipelines.backfill import spark

__all__ = ["DuckDB", "Engine", "Spark"]


class Engine(Protocol):
    """What a backfill asks of an engine. `errors` is how it says that a table cannot be read or written."""

    @property
    def errors(self) -> tuple[type[Exception], ...]: ...

    def parquet(self, location: str) -> Table: ...

    def delta(self, location: str) -> Table: ...

    def text_in(self, json: StringColumn, key: str) -> StringValue: ...

    def write(self, table: Table, out: str) -> None: ...


def _text_in(json: str, path: str) -> str:
    """What both engines have as a function of their own, under two names."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class DuckDB:
    """In this process. Reads files and folders of files, and Delta tables by their URL; writes one file."""

    connection: Any

    @classmethod
    def start(cls) -> DuckDB:
        return cls(ibis.duckdb.connect())

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (duckdb.Error, DeltaError, OSError)

    def parquet(self, location: str) -> Table:
        return self.connection.read_parquet(f"{location}/**/*.parquet" if Path(location).is_dir() else location)

    def delta(self, location: str) -> Table:
        name = ibis.util.gen_name("delta")
        self.connection.con.register(name, DeltaTable(location).to_pyarrow_dataset())  # its own reader is a download
        return self.connection.table(name)

    def text_in(self, json: StringColumn, key: str) -> StringValue:
        return ibis.udf.scalar.builtin(_text_in, name="json_extract_string")(json, f"$.{key}")

    def write(self, table: Table, out: str) -> None:
        self.connection.to_parquet(table, out)


@dataclass(frozen=True, slots=True)
class Spark:
    """A session. Reads what Spark reads, and Delta tables by their files, without a package; writes a folder."""

    session: Any
    connection: Any

    @classmethod
    def start(cls, master: str | None = None) -> Spark:
        session = spark.session(master)  # first: what is missing is said there
        return cls(session, ibis.pyspark.connect(session))

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        from pyspark.errors import PySparkException  # noqa: PLC0415  # the extra

        return (PySparkException, DeltaError)

    def parquet(self, location: str) -> Table:
        return self.connection.read_parquet(location)

    def delta(self, location: str) -> Table:
        name, files = ibis.util.gen_name("delta"), DeltaTable(location).file_uris()
        root = {"basePath": _of_hadoop(location)}  # partitions are in the files' names
        self.session.read.options(**root).parquet(*map(_of_hadoop, files)).createOrReplaceTempView(name)
        return self.connection.table(name)

    def text_in(self, json: StringColumn, key: str) -> StringValue:
        return ibis.udf.scalar.builtin(_text_in, name="get_json_object")(json, f"$.{key}")

    def write(self, table: Table, out: str) -> None:
        self.connection.to_parquet_dir(table, out)


def _of_hadoop(location: str) -> str:
    return location.replace("s3://", "s3a://", 1)
