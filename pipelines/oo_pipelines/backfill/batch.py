"""Profile features that can be computed from what happened, each one expression over facts.

A fact is a signal or a reaction: `user_id`, `event_id`, `kind` (its type or reaction), `subject` (its task or request),
`event_timestamp`, `created_timestamp`. A fact that is written again under its `event_id` corrects the one before. Only
counts and ratios of counts are used: sums of floats would depend on the order in which an engine adds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import ibis
from ibis.expr.types import BooleanValue, IntegerScalar, NumericScalar, Table

from oo_pipelines.backfill.point_in_time import SPINE_COLUMNS

__all__ = ["BATCH_FEATURES", "FACT_COLUMNS", "Batch", "compute"]

FACT_COLUMNS = ("user_id", "event_id", "kind", "subject", "event_timestamp", "created_timestamp")
FACT_ORDER = ("created_timestamp", "event_timestamp", "kind", "subject")


@dataclass(frozen=True, slots=True)
class Batch:
    """The definition of a feature of the profile mirror: from which facts, how far back, and by what aggregate.

    `value` aggregates the facts of one decision, which are those of (decided_at - window, decided_at].
    """

    source: Literal["signals", "reactions"]
    window: timedelta
    value: Callable[[Table], NumericScalar]


def compute(spine: Table, facts: Table, name: str) -> Table:
    """Return the batch feature `name` at each decision, from the facts known then.

    No facts count 0, and a share of nothing is null. `event_timestamp` is the decision's instant.
    """
    batch = BATCH_FEATURES[name]
    versions = _versions(facts)
    start = spine.decided_at - ibis.interval(seconds=int(batch.window.total_seconds()))
    # A version counts while it was the newest written by then: not before it was written, and not after its correction
    # was, even if the correction moved it out of the window.
    known = spine.left_join(
        versions,
        [
            spine.user_id == versions.of_user,
            versions.event_timestamp > start,
            versions.event_timestamp <= spine.decided_at,
            versions.created_timestamp <= spine.decided_at,
            versions.corrected_at.isnull() | (versions.corrected_at > spine.decided_at),
        ],
    )
    values = known.group_by(*SPINE_COLUMNS).aggregate(**{name: batch.value(known)})
    return values.select(*SPINE_COLUMNS, name, event_timestamp=values.decided_at)


def _versions(facts: Table) -> Table:
    """Return each fact with the instant at which a later version replaced it, wherever that one moved it to."""
    later = ibis.window(group_by="event_id", order_by=[facts[by] for by in FACT_ORDER])
    named = facts.select(*FACT_COLUMNS, corrected_at=facts.created_timestamp.lead().over(later))
    return named.rename(of_user="user_id")


def _subjects(facts: Table, *kinds: str) -> IntegerScalar:
    """Return how many tasks or tips have a fact of one of these kinds."""
    return facts.subject.nunique(where=facts.kind.isin(kinds))


def _share(part: IntegerScalar, whole: IntegerScalar) -> NumericScalar:
    return part.cast("float64") / whole.cast("float64").nullif(0.0)


def _tips(facts: Table, *reactions: str) -> NumericScalar:
    """Return the share of shown tips with one of these reactions; any reaction proves that its tip was shown."""
    return _share(_subjects(facts, *reactions), facts.subject.nunique())


def _days(facts: Table, days: int, kind: str) -> IntegerScalar:
    """Return how many of the last days have a fact of this kind: calendar days in UTC, the decision's among them."""
    day = facts.event_timestamp.truncate("D")
    recent: BooleanValue = day > facts.decided_at.truncate("D") - ibis.interval(days=days)
    return day.nunique(where=(facts.kind == kind) & recent)


DAY = timedelta(days=1)
BATCH_FEATURES = {
    "completion_rate_30d": Batch(
        "signals",
        30 * DAY,
        lambda facts: _share(_subjects(facts, "task_completed"), _subjects(facts, "task_created", "task_completed")),
    ),
    "active_days_14d": Batch("signals", 14 * DAY, lambda facts: _days(facts, 14, "app_opened")),
    "tip_volume_7d": Batch("reactions", 7 * DAY, lambda facts: facts.subject.nunique()),
    "tip_accept_rate_30d": Batch("reactions", 30 * DAY, lambda facts: _tips(facts, "clicked", "completed")),
    "snooze_rate_30d": Batch("reactions", 30 * DAY, lambda facts: _tips(facts, "snoozed")),
}
