"""Rounds as a view over the offline log: what `Store.rounds` yields, from Delta Lake tables instead of SQL.

Of the decisions of one request the first made stands, and an event that came twice counts once, as in the effect store:
there the inbox sees to it, here the query.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from deltalake import QueryBuilder
from oo_consumers.event_reader import SkippedEvents
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES
from oo_consumers.standing_sql import STANDING_CTE, STANDING_TABLES
from oo_contracts.events import Feedback, ScoreDecision
from oo_contracts.reward_table import DEFAULT_REWARDS, RewardTable
from oo_decisions.round import ObservedReaction, Round, closed_round

__all__ = ["closed_rounds"]

# In order of decision; the reactions to the request, each once, in order of occurrence. Event ids settle ties.
ROUNDS_SQL = f"""
WITH {STANDING_CTE}, reacted AS (
  SELECT request_id, event_id, occurred_at, event,
         row_number() OVER (PARTITION BY event_id ORDER BY stream, sequence) AS arrival
  FROM reactions
)
SELECT decided.request_id, decided.event, reacted.event
FROM standing_decisions AS decided JOIN reacted ON reacted.request_id = decided.request_id AND reacted.arrival = 1
ORDER BY decided.decided_at, decided.request_id, reacted.occurred_at, reacted.event_id
"""  # noqa: S608  # queries of ours


def closed_rounds(lake: Lake, now: datetime, table: RewardTable = DEFAULT_REWARDS) -> Iterator[Round]:
    """Yield closed rounds in order of decision, one decision in memory at a time; unreadable events are skipped.

    Raises:
        LakeUnavailable: the storage failed.
    """
    skipped = SkippedEvents()
    for decision, observed in _decided(lake, skipped):
        if (closed := closed_round(decision, observed, now, table)) is not None:
            yield closed
    skipped.log_total()


def _decided(lake: Lake, skipped: SkippedEvents) -> Iterator[tuple[ScoreDecision, tuple[ObservedReaction, ...]]]:
    """Yield each decision that somebody reacted to, with all reactions to its request."""
    for (request_id, event), group in groupby(_rows(lake), key=itemgetter(0, 1)):
        decision = skipped.read(ScoreDecision, "decisions", request_id, event)
        reactions = (skipped.read(Feedback, "reactions", request_id, reaction) for _, _, reaction in group)
        observed = tuple(
            ObservedReaction(fact.candidate_id, fact.reaction, fact.occurred_at.astimezone(UTC))
            for fact in reactions
            if fact
        )
        if decision is not None:
            yield decision, observed


def _rows(lake: Lake) -> Iterator[tuple[Any, ...]]:
    query = QueryBuilder()
    for table in TABLES:
        if table.name in {*STANDING_TABLES, "reactions"}:
            query = query.register(table.name, lake.open(table))
    for batch in query.execute(ROUNDS_SQL):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
