"""The point-in-time join: which value of a feature was known at a decision, and whether it would have been served.

A value was known when it had happened and had been written by then. A correction that is dated back before a decision
but was written after it is not in that decision's row. These are ibis expressions; DuckDB and Spark run them unchanged.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, FloatingValue, StringValue, Table
from oo_features.feature import FLOAT32_MAX, Feature

__all__ = ["HISTORY_COLUMNS", "SPINE_COLUMNS", "as_known", "one_per_instant", "with_fallbacks"]

SPINE_COLUMNS = ("request_id", "user_id", "decided_at")  # one row per decision
HISTORY_COLUMNS = ("user_id", "event_timestamp", "created_timestamp", "event_id")  # and the value, named as the feature
VERSION_ORDER = ("event_timestamp", "created_timestamp", "event_id")  # the last wins; an event's id settles ties


def as_known(spine: Table, history: Table, name: str) -> Table:
    """Return `spine` with the value of feature `name` that was known at each `decided_at`, and its `event_timestamp`.

    Both are null where nothing was known. An instant equal to the decision's is known, one 1 µs later is not. A value
    without a created time never counts as known, because nobody can say when it was.
    """
    values = history.select("user_id", *VERSION_ORDER, name).rename(of_user="user_id")
    versions = spine.left_join(
        values,
        [
            spine.user_id == values.of_user,
            values.event_timestamp <= spine.decided_at,
            values.created_timestamp <= spine.decided_at,
        ],
    )
    newest = ibis.row_number().over(group_by="request_id", order_by=[versions[by].desc() for by in VERSION_ORDER])
    return versions.mutate(rank=newest).filter(ibis._.rank == 0).select(*SPINE_COLUMNS, "event_timestamp", name)


def one_per_instant(history: Table, name: str) -> Table:
    """Return the history without ties.

    Of several values with the same event and created time it has only the one that `as_known` takes.
    """
    instant = ("user_id", "event_timestamp", "created_timestamp")
    last = ibis.row_number().over(group_by=instant, order_by=history.event_id.desc())
    return history.mutate(rank=last).filter(ibis._.rank == 0).select(*instant, name)


def with_fallbacks(values: Table, feature: Feature) -> Table:
    """Return the values as rows would have had them: float32, or the fallback with the reason that /score would
    give."""
    value = values[feature.name].cast("float64")
    reason = _reason(values, value, feature)
    served = reason.isnull().ifelse(value, ibis.literal(feature.fallback, "float64")).cast("float32")
    return values.select(*SPINE_COLUMNS, **{feature.name: served}, reason=reason, computed_at=values.event_timestamp)


def _reason(values: Table, value: FloatingValue, feature: Feature) -> StringValue:
    """Return the reason of the fallback, or null.

    The order is that of `profile_value` and `checked`, but invalid before null: ibis on Spark takes NaN for null.
    """
    age = [(_expired(values, feature), "stale")] if feature.ttl is not None else []
    return ibis.cases(
        (values.event_timestamp.isnull(), "missing"),
        *age,
        (_invalid(value, feature), "invalid"),
        (value.isnull(), "null"),
        (~value.between(*_bounds(feature)), "out_of_range"),
        else_=ibis.null("string"),
    )


def _expired(values: Table, feature: Feature) -> BooleanValue:
    """Return whether the value is older than its TTL; exactly as old is still fresh, as online."""
    seconds = int(feature.ttl.total_seconds()) if feature.ttl is not None else 0
    return values.event_timestamp + ibis.interval(seconds=seconds) < values.decided_at


def _invalid(value: FloatingValue, feature: Feature) -> BooleanValue:
    """Return whether the value is no number that a float32 holds.

    NaN is tested by name, because engines order it differently.
    """
    unfit = value.isnan() | (value.abs() > FLOAT32_MAX)
    return unfit | (value % 1.0 != 0.0) if feature.dtype == "int" else unfit


def _bounds(feature: Feature) -> tuple[float, float]:
    """Return the feature's bounds, infinite ones as the largest float32: SQL has no infinity that both engines read."""
    return max(feature.low, -FLOAT32_MAX), min(feature.high, FLOAT32_MAX)
