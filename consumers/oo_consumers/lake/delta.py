"""One Delta Lake: tables by name below a folder or a bucket, each append a transaction that is there once.

Delta keeps, for each application, the version of its last transaction beside the data, in the same commit. Ours is the
stream's sequence: who appends a batch again finds that it is there, and of two writers of the same batch one fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from oo_consumers.lake.tables import LakeTable, Placed

__all__ = ["BadLake", "Lake", "LakeAway", "Overtaken"]

DAY = "day"
SCHEMES = ("s3://", "s3a://", "gs://", "az://", "abfss://", "file://")
KEPT = timedelta(days=7)  # files that no version names any more stay so long, for whoever still reads an old version


class BadLake(ValueError):
    """A URL that no lake can be at."""


class LakeAway(Exception):
    """The storage cannot do it now."""


class Overtaken(Exception):
    """Another writer appended to this table meanwhile."""


@dataclass(frozen=True, slots=True)
class Lake:
    """`url` is a folder, or a bucket whose credentials are in the environment as its tools want them (AWS_…)."""

    url: str

    def __post_init__(self) -> None:
        """
        Raises:
            BadLake: empty, or of a scheme that Delta does not know.
        """
        if not self.url or ("://" in self.url and not self.url.startswith(SCHEMES)):
            raise BadLake(f"a lake is a folder or one of {', '.join(SCHEMES)}, not {self.url or 'nothing'}")

    def at(self, table: str) -> str:
        """Where a table is; its folder is made."""
        place = f"{self.url.rstrip('/')}/{table}"
        if "://" not in place:
            Path(place).mkdir(parents=True, exist_ok=True)
        return place

    def open(self, of: LakeTable) -> DeltaTable:
        """The newest version of a table, which is made when it is missing.

        Raises:
            LakeAway: the storage.
        """
        try:
            return DeltaTable.create(
                self.at(of.name), of.schema, mode="ignore", partition_by=[DAY], description=of.kind.__doc__
            )
        except (DeltaError, OSError) as error:
            raise LakeAway(f"{of.name}: {error}") from error

    def position(self, of: LakeTable, stream: str) -> int:
        """The last sequence of the stream that the table has; 0 before the first."""
        return self.open(of).transaction_version(stream) or 0

    def append(self, of: LakeTable, stream: str, batch: Sequence[Placed], upto: int = 0) -> int:
        """Append what the table does not have yet, in one transaction; how many events those are.

        `upto` is a sequence until which there is nothing else of this table in the stream.

        Raises:
            Overtaken: another writer was quicker; ask for the position again.
            LakeAway: the storage; nothing was appended.
        """
        table = self.open(of)
        known = table.transaction_version(stream) or 0
        new = [item for item in batch if item.sequence > known]
        position = max(upto, *(item.sequence for item in new[-1:]), known)
        if position == known:
            return 0
        transaction = CommitProperties(app_transactions=[Transaction(stream, position)])
        try:
            write_deltalake(table, of.rows(stream, new), mode="append", commit_properties=transaction)
        except CommitFailedError as error:
            raise Overtaken(str(error)) from error
        except (DeltaError, OSError) as error:
            raise LakeAway(f"{of.name}: {error}") from error
        return len(new)

    def compact(self, of: LakeTable, kept: timedelta = KEPT) -> dict[str, int]:
        """Many small files into few, a checkpoint, and away with files that no version of the last days names.

        Raises:
            LakeAway: the storage, or another compaction at the same time; the table is as it was.
        """
        table = self.open(of)
        try:
            done = table.optimize.compact()
            table.create_checkpoint()
            hours = int(kept / timedelta(hours=1))
            gone = table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)
        except (DeltaError, OSError) as error:
            raise LakeAway(f"{of.name}: {error}") from error
        return {"files_before": done["numFilesRemoved"], "files_after": done["numFilesAdded"], "vacuumed": len(gone)}
