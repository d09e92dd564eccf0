"""One Delta Lake: tables by name below a folder or a bucket, where each append is a transaction that happens once.

Delta keeps, for each application, the version of its last transaction beside the data, in the same commit. Ours is the
stream's sequence: whoever appends a batch again finds that it is there, and of two writers of the same batch one fails.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from oo_consumers.lake.tables import LakeTable, StreamEvent

__all__ = ["BadLake", "ConcurrentAppend", "Lake", "LakeUnavailable"]

PARTITION_COLUMN = "day"
SCHEMES = ("s3://", "s3a://", "gs://", "az://", "abfss://", "file://")
RETENTION = timedelta(days=7)  # files that no version names any more stay for those who still read an old version


class BadLake(ValueError):
    """A URL at which no lake can be."""


class LakeUnavailable(Exception):
    """The storage cannot do it now; it may later."""


class ConcurrentAppend(Exception):
    """Another writer appended to this table meanwhile."""


@dataclass(frozen=True, slots=True)
class Lake:
    """The tables at `url`: a folder, or a bucket whose credentials are in the environment as its tools want them
    (AWS_…)."""

    url: str

    def __post_init__(self) -> None:
        """Refuse a URL that is empty or of a scheme that Delta does not know.

        Raises:
            BadLake: the URL is such a one.
        """
        if not self.url or ("://" in self.url and not self.url.startswith(SCHEMES)):
            raise BadLake(f"a lake is a folder or one of {', '.join(SCHEMES)}, not {self.url or 'nothing'}")

    def table_url(self, table: str) -> str:
        """Return the URL or path of a table; a local folder is made."""
        url = f"{self.url.rstrip('/')}/{table}"
        if "://" not in url:
            Path(url).mkdir(parents=True, exist_ok=True)
        return url

    def open(self, table: LakeTable) -> DeltaTable:
        """Return the newest version of a table, which is made when it is missing.

        Raises:
            LakeUnavailable: the storage failed.
        """
        try:
            return DeltaTable.create(
                self.table_url(table.name),
                table.schema,
                mode="ignore",
                partition_by=[PARTITION_COLUMN],
                description=table.event_type.__doc__,
            )
        except (DeltaError, OSError) as error:
            raise LakeUnavailable(f"{table.name}: {error}") from error

    def selection(self, table: LakeTable, source: str | None = None) -> str:
        """Return the query of a table's columns under the names that they have today, whoever appended the rows.

        `source` is a query's name for some of the table's rows, None for the table itself.

        Raises:
            LakeUnavailable: the storage failed.
        """
        stored = {field.name for field in self.open(table).schema().fields}
        columns = (_column(name, table.earlier_names.get(name), stored) for name in table.schema.names)
        return f"SELECT {', '.join(columns)} FROM {source or table.name}"  # noqa: S608  # names of our own

    def position(self, table: LakeTable, stream: str) -> int:
        """Return the last sequence of the stream that the table has; 0 before the first.

        Raises:
            LakeUnavailable: the storage failed.
        """
        return self.open(table).transaction_version(stream) or 0

    def append(self, lake_table: LakeTable, stream: str, batch: Sequence[StreamEvent], last_sequence: int = 0) -> int:
        """Append what the table does not have yet in one transaction, and return how many events that was.

        `last_sequence` is a sequence until which the stream has nothing else for this table.

        Raises:
            ConcurrentAppend: another writer was quicker; ask for the position again.
            LakeUnavailable: the storage failed; nothing was appended.
        """
        table = self.open(lake_table)
        committed = table.transaction_version(stream) or 0
        new = [item for item in batch if item.sequence > committed]
        position = max(last_sequence, *(item.sequence for item in new[-1:]), committed)
        if position == committed:
            return 0
        transaction = CommitProperties(app_transactions=[Transaction(stream, position)])
        columns = {field.name for field in table.schema().fields}
        merge: Literal["merge"] | None = None if columns.issuperset(lake_table.schema.names) else "merge"
        try:
            write_deltalake(
                table, lake_table.rows(stream, new), mode="append", schema_mode=merge, commit_properties=transaction
            )
        except CommitFailedError as error:
            raise ConcurrentAppend(str(error)) from error
        except (DeltaError, OSError) as error:
            raise LakeUnavailable(f"{lake_table.name}: {error}") from error
        return len(new)

    def compact(self, lake_table: LakeTable, kept: timedelta = RETENTION) -> dict[str, int]:
        """Put small files together, write a checkpoint, and delete files that no version within `kept` names.

        Returns the numbers of files before, after, and deleted.

        Raises:
            LakeUnavailable: the storage failed, or another compaction ran at the same time; the table is as it was.
        """
        table = self.open(lake_table)
        try:
            done = table.optimize.compact()
            table.create_checkpoint()
            hours = int(kept / timedelta(hours=1))
            gone = table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)
        except (DeltaError, OSError) as error:
            raise LakeUnavailable(f"{lake_table.name}: {error}") from error
        return {"files_before": done["numFilesRemoved"], "files_after": done["numFilesAdded"], "vacuumed": len(gone)}


def _column(name: str, earlier: str | None, stored: Collection[str]) -> str:
    """Return the expression of a column, of which rows of an older version may be in a column of its earlier name."""
    if earlier is None or earlier not in stored:
        return name
    return f"coalesce({name}, {earlier}) AS {name}" if name in stored else f"{earlier} AS {name}"
