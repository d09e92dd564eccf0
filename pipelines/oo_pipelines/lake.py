"""Rounds as a view over the offline log: what `Store.rounds` gives, from Delta Lake tables instead of SQL.

The first decision of a request stands, and an event that came twice counts once, as in the effect store: there the
inbox sees to it, here the query.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from deltalake import QueryBuilder
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES
from oo_contracts.events import Feedback, ScoreDecision
from oo_contracts.rewards import REWARDS, RewardTable
from oo_contracts.rounds import Observed, Round, State, state_of

__all__ = ["rounds"]

# In order of decision; the reactions to what was chosen, each once, in order of occurrence. Event ids settle ties.
ROUNDS = """
WITH decided AS (
  SELECT request_id, chosen, decided_at, event,
         row_number() OVER (PARTITION BY request_id ORDER BY stream, sequence) AS nth
  FROM decisions
), reacted AS (
  SELECT request_id, candidate_id, event_id, occurred_at, event,
         row_number() OVER (PARTITION BY event_id ORDER BY stream, sequence) AS nth
  FROM reactions
)
SELECT decided.event, reacted.event
FROM decided JOIN reacted
  ON reacted.request_id = decided.request_id AND reacted.candidate_id = decided.chosen AND reacted.nth = 1
WHERE decided.nth = 1
ORDER BY decided.decided_at, decided.request_id, reacted.occurred_at, reacted.event_id
"""


def rounds(lake: Lake, now: datetime, table: RewardTable = REWARDS) -> Iterator[Round]:
    """Closed rounds in order of decision; one decision in memory at a time.

    Raises:
        LakeAway: the storage.
    """
    for decision, observed in _decided(lake):
        if state_of(observed, now, table) is State.CLOSED:
            reward = table.reward(item.reaction for item in observed)
            yield Round(decision, reward, min(item.occurred_at for item in observed), table.version)


def _decided(lake: Lake) -> Iterator[tuple[ScoreDecision, tuple[Observed, ...]]]:
    """Each decision that was reacted to, with all reactions to what was chosen."""
    current: str | None = None
    seen: list[Observed] = []
    for event, reaction in _rows(lake):
        if event != current and current is not None:
            yield ScoreDecision.model_validate_json(current), tuple(seen)
            seen = []
        current = event
        fact = Feedback.model_validate_json(reaction)
        seen.append(Observed(fact.reaction, fact.occurred_at.astimezone(UTC)))
    if current is not None:
        yield ScoreDecision.model_validate_json(current), tuple(seen)


def _rows(lake: Lake) -> Iterator[tuple[Any, ...]]:
    query = QueryBuilder()
    for table in TABLES:
        if table.name in {"decisions", "reactions"}:
            query = query.register(table.name, lake.open(table))
    for batch in query.execute(ROUNDS):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
