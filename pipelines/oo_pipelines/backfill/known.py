"""The point-in-time join: which value of a feature was known at a decision, and whether it would have been served.

Known means both: it happened by then, and we had been told by then. A correction that is dated back before a decision
but was written after it is not in that decision's row. These are ibis expressions; DuckDB and Spark run them unchanged.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, FloatingValue, StringValue, Table
from oo_features.feature import FLOAT32_MAX, Feature

__all__ = ["HISTORY", "SPINE", "as_known", "judged", "one_per_instant"]

SPINE = ("request_id", "user_id", "decided_at")  # one row per decision
HISTORY = ("user_id", "event_timestamp", "created_timestamp", "event_id")  # and the value, named as the feature
LATEST = ("event_timestamp", "created_timestamp", "event_id")  # the last of these wins; an event's id settles ties


def as_known(spine: Table, history: Table, name: str) -> Table:
    """`spine` with the value of feature `name` that was known at each `decided_at`, and its `event_timestamp`.

    Both are null where nothing was known. An instant equal to the decision's is known, one 1 µs later is not; of what
    has no created time nobody can say when it was known, so it never was.
    """
    values = history.select("user_id", *LATEST, name).rename(of_user="user_id")
    told = spine.left_join(
        values,
        [
            spine.user_id == values.of_user,
            values.event_timestamp <= spine.decided_at,
            values.created_timestamp <= spine.decided_at,
        ],
    )
    newest = ibis.row_number().over(group_by="request_id", order_by=[told[by].desc() for by in LATEST])
    return told.mutate(place=newest).filter(ibis._.place == 0).select(*SPINE, "event_timestamp", name)


def one_per_instant(history: Table, name: str) -> Table:
    """The history without ties: of several with the same event and created time only the one that `as_known` takes."""
    instant = ("user_id", "event_timestamp", "created_timestamp")
    last = ibis.row_number().over(group_by=instant, order_by=history.event_id.desc())
    return history.mutate(place=last).filter(ibis._.place == 0).select(*instant, name)


def judged(known: Table, of: Feature) -> Table:
    """The value as a row would have had it: float32, or the fallback with the reason that /score would have given."""
    value = known[of.name].cast("float64")
    reason = _reason(known, value, of)
    served = reason.isnull().ifelse(value, ibis.literal(of.fallback, "float64")).cast("float32")
    return known.select(*SPINE, **{of.name: served}, reason=reason, computed_at=known.event_timestamp)


def _reason(known: Table, value: FloatingValue, of: Feature) -> StringValue:
    """The order of `profile_value` and `checked`, but invalid before null: ibis on Spark takes NaN for null."""
    age = [(_expired(known, of), "stale")] if of.ttl is not None else []
    return ibis.cases(
        (known.event_timestamp.isnull(), "missing"),
        *age,
        (_invalid(value, of), "invalid"),
        (value.isnull(), "null"),
        (~value.between(*_bounds(of)), "out_of_range"),
        else_=ibis.null("string"),
    )


def _expired(known: Table, of: Feature) -> BooleanValue:
    """As online: exactly as old as its TTL is still fresh."""
    seconds = int(of.ttl.total_seconds()) if of.ttl is not None else 0
    return known.event_timestamp + ibis.interval(seconds=seconds) < known.decided_at


def _invalid(value: FloatingValue, of: Feature) -> BooleanValue:
    """No number that a float32 holds. NaN is asked for by name: engines order it differently."""
    unfit = value.isnan() | (value.abs() > FLOAT32_MAX)
    return unfit | (value % 1.0 != 0.0) if of.dtype == "int" else unfit


def _bounds(of: Feature) -> tuple[float, float]:
    """Infinite bounds as the largest numbers that are left: SQL has no word for infinity that both engines read."""
    return max(of.low, -FLOAT32_MAX), min(of.high, FLOAT32_MAX)
