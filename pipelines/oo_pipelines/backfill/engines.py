"""The engines that run expressions: DuckDB in this process, Spark in a cluster.

They differ only in how tables are read and written. Days are UTC's whatever the machine's zone: ibis sets both so.
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
    """What a backfill asks of an engine."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """The errors by which the engine says that a table cannot be read or written."""

    def parquet(self, location: str) -> Table:
        """Return a table of Parquet files: a file, a folder or a pattern."""

    def delta(self, location: str) -> Table:
        """Return the newest version of a Delta table."""

    def text_in(self, json: StringColumn, key: str) -> StringValue:
        """Return the text under a key of a column of JSON objects."""

    def write(self, table: Table, out: str) -> None:
        """Compute the table and write it to `out`, in Parquet."""


def _text_in(json: str, path: str) -> str:
    """Stand for a function that both engines have under two names; ibis takes its types from here."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class DuckDB:
    """DuckDB in this process: it reads files, folders and Delta tables by their URL, and writes one file."""

    connection: Any

    @classmethod
    def start(cls) -> DuckDB:
        """Return an engine with a database in memory."""
        return cls(ibis.duckdb.connect())

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """The errors of DuckDB, of Delta and of the file system."""
        return (duckdb.Error, DeltaError, OSError)

    def parquet(self, location: str) -> Table:
        """Return a table of Parquet files: a file, a folder with all below it, or a pattern."""
        return self.connection.read_parquet(f"{location}/**/*.parquet" if Path(location).is_dir() else location)

    def delta(self, location: str) -> Table:
        """Return the newest version of a Delta table."""
        name = ibis.util.gen_name("delta")
        self.connection.con.register(name, DeltaTable(location).to_pyarrow_dataset())  # its own reader is a download
        return self.connection.table(name)

    def text_in(self, json: StringColumn, key: str) -> StringValue:
        """Return the text under a key of a column of JSON objects."""
        return ibis.udf.scalar.builtin(_text_in, name="json_extract_string")(json, f"$.{key}")

    def write(self, table: Table, out: str) -> None:
        """Write the table as one Parquet file."""
        self.connection.to_parquet(table, out)


@dataclass(frozen=True, slots=True)
class Spark:
    """A Spark session: it reads what Spark reads and Delta tables by their files, without a package; it writes a
    folder."""

    session: Any
    connection: Any

    @classmethod
    def start(cls, master: str | None = None) -> Spark:
        """Return an engine on `master`, as `local[2]`; None for what Spark's own settings say.

        Raises:
            BadBackfillInput: Spark is not installed, or Java did not start.
        """
        session = spark.session(master)  # first: what is missing is said there
        return cls(session, ibis.pyspark.connect(session))

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """The errors of Spark and of Delta."""
        from pyspark.errors import PySparkException  # noqa: PLC0415  # the extra

        return (PySparkException, DeltaError)

    def parquet(self, location: str) -> Table:
        """Return a table of what Spark reads as Parquet."""
        return self.connection.read_parquet(location)

    def delta(self, location: str) -> Table:
        """Return the newest version of a Delta table."""
        name, files = ibis.util.gen_name("delta"), DeltaTable(location).file_uris()
        root = {"basePath": _of_hadoop(location)}  # partitions are in the files' names
        self.session.read.options(**root).parquet(*map(_of_hadoop, files)).createOrReplaceTempView(name)
        return self.connection.table(name)

    def text_in(self, json: StringColumn, key: str) -> StringValue:
        """Return the text under a key of a column of JSON objects."""
        return ibis.udf.scalar.builtin(_text_in, name="get_json_object")(json, f"$.{key}")

    def write(self, table: Table, out: str) -> None:
        """Write the table as a folder of Parquet files."""
        self.connection.to_parquet_dir(table, out)


def _of_hadoop(location: str) -> str:
    return location.replace("s3://", "s3a://", 1)
