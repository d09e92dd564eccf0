"""The rule by which one decision of a request stands (`oo_decisions.standing_decision`), as SQL.

The store replaces a row as decisions arrive; the offline log keeps all that arrived, and its readers choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oo_decisions.standing_decision import FIRST_MADE_COLUMN
from sqlalchemy import Table, case, collate

__all__ = ["STANDING_CTE", "STANDING_TABLES", "keep_first_made"]

STANDING_TABLES = ("decisions", "generations")  # the tables of the offline log that STANDING_CTE reads
# Of an event that came again the first to arrive counts, as in the store, whose inbox has each id once for both tables.
# Then of the decisions of one request the first made stands; a tip stands for itself.
STANDING_CTE = f"""
arrived AS (
  SELECT kind, stream, sequence, row_number() OVER (PARTITION BY event_id ORDER BY stream, sequence) AS arrival
  FROM (
    SELECT 'decision' AS kind, stream, sequence, event_id FROM decisions
    UNION ALL SELECT 'tip' AS kind, stream, sequence, event_id FROM generations
  )
), standing_generations AS (
  SELECT generations.*
  FROM generations JOIN arrived ON arrived.stream = generations.stream AND arrived.sequence = generations.sequence
  WHERE arrived.kind = 'tip' AND arrived.arrival = 1
), made AS (
  SELECT decisions.*, row_number() OVER (PARTITION BY request_id ORDER BY {FIRST_MADE_COLUMN}) AS place
  FROM decisions JOIN arrived ON arrived.stream = decisions.stream AND arrived.sequence = decisions.sequence
  WHERE arrived.kind = 'decision' AND arrived.arrival = 1
), standing_decisions AS (
  SELECT * FROM made WHERE place = 1
)"""  # noqa: S608  # names of our own tables and columns


def keep_first_made(insertion: Any, table: Table, columns: Sequence[str], dialect: str) -> Any:
    """Return the insertion of decisions so that of each request the first made stands; `repeats` counts the others.

    `columns` are those that belong to the event that stands.
    """
    made, stands = (_bytewise(names[FIRST_MADE_COLUMN], dialect) for names in (insertion.excluded, table.c))
    replacement = {name: case((made < stands, insertion.excluded[name]), else_=table.c[name]) for name in columns}
    return insertion.on_conflict_do_update(
        index_elements=["request_id"], set_=replacement | {"repeats": table.c.repeats + 1}
    )


def _bytewise(column: Any, dialect: str) -> Any:
    """Return the column in byte order: PostgreSQL would compare by the database's language, SQLite compares bytes."""
    return collate(column, "C") if dialect == "postgresql" else column
