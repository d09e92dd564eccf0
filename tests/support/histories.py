"""Random histories of profile values with every unpleasant instant, and an oracle in plain Python that knows no SQL.

Each user has values that were computed, corrected later, dated back, written in the same instant, written twice, or are
no number; and decisions whose instants are those of the values, a microsecond away, or exactly as old as a TTL.
"""

from __future__ import annotations

import math
import random
from array import array
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from oo_features.feature_context import FeatureContext
from oo_features.profile_schema import PROFILE_FEATURES, profile_value

__all__ = ["FEATURES", "differing", "histories", "newest", "served", "table"]

US = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAWN = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("completion_rate_30d", "tip_volume_7d")  # a share that lives for a day, a number that lives for six hours
FEATURES = {item.name: item for item in PROFILE_FEATURES if item.name in NAMES}
TTLS = tuple(item.ttl for item in FEATURES.values())
AGES = (-HOUR, -US, 0 * US, US, HOUR, *(ttl + step for ttl in TTLS for step in (-US, 0 * US, US)), 3 * max(TTLS))
LATER = (0 * US, 0 * US, US, HOUR, 30 * HOUR)  # from computed to written
SHARES = (0.0, 0.1, 1 / 3, 0.7, 1.0, 1.0 + 2**-50, -0.5, 1e39, math.nan, math.inf, None)
NUMBERS = (0.0, 3.0, 17.0, 3.5, -1.0, 2.0**24 + 1, 1e39, math.nan, -math.inf, None)
INSTANT = pa.timestamp("us", "UTC")
TYPES = {"event_timestamp": INSTANT, "created_timestamp": INSTANT, "decided_at": INSTANT} | dict.fromkeys(
    NAMES, pa.float64()
)


def histories(count, seed):
    """`count` users: rows of values, and rows of decisions."""
    draw = random.Random(seed)
    values, spine = [], []
    for user in range(count):
        instants = [DAWN + timedelta(seconds=draw.randrange(10 * 86_400)) for _ in range(2)]
        spine += [
            {"request_id": f"r-{user}-{place}", "user_id": f"u-{user}", "decided_at": at}
            for place, at in enumerate(instants)
        ]
        values += _values(draw, f"u-{user}", instants)
    draw.shuffle(values)
    return values, spine


def _values(draw, user, instants):
    found = []
    for _ in range(draw.randrange(7)):
        event = draw.choice(instants) - draw.choice(AGES)
        created = draw.choice((event + draw.choice(LATER), draw.choice(instants) + draw.choice((-US, 0 * US, US))))
        found.append(_row(draw, user, event, created if draw.random() > 0.02 else None))
    for row in found[: draw.randrange(3)]:  # corrected: the same instant, written later, or in the same instant
        moved = row["created_timestamp"] and row["created_timestamp"] + draw.choice(LATER)
        found.append(_row(draw, user, row["event_timestamp"], moved))
    return found + found[: draw.randrange(2)]  # delivered twice


def _row(draw, user, event, created):
    chosen = {"completion_rate_30d": draw.choice(SHARES), "tip_volume_7d": draw.choice(NUMBERS)}
    times = {"event_timestamp": event, "created_timestamp": created}
    return {"user_id": user, "event_id": f"e-{draw.getrandbits(32):08x}", **times, **chosen}


def table(rows):
    return pa.table(
        {name: pa.array([row[name] for row in rows], TYPES.get(name, pa.string())) for name in rows[0]},
    )


def newest(values, spine):
    """request_id → the newest row that was known at the decision, or None: one comparison after the other."""
    by_user = defaultdict(list)
    for row in values:
        by_user[row["user_id"]].append(row)
    return {one["request_id"]: _newest(by_user[one["user_id"]], one["decided_at"]) for one in spine}


def _newest(rows, now):
    found = None
    for row in rows:
        told = row["created_timestamp"] is not None and row["created_timestamp"] <= now
        if told and row["event_timestamp"] <= now and (found is None or _order(row) > _order(found)):
            found = row
    return found


def _order(row):
    return row["event_timestamp"], row["created_timestamp"], row["event_id"]


def served(values, spine, of):
    """request_id → the float32 and the reason that /score would have had: by its own rule, not a copy."""
    known = newest(values, spine)
    return {one["request_id"]: _online(known[one["request_id"]], one["decided_at"], of) for one in spine}


def _online(row, now, of):
    profile = None if row is None else {of.name: row[of.name]}
    value, reason = profile_value(of, FeatureContext.at(now, "UTC", (), profile, row and row["event_timestamp"]))
    return array("f", [value])[0], reason


def differing(found, wanted, name):
    """The requests whose value or reason is another, or that are in one of the two alone."""
    told = {key: (row[name], row["reason"]) for key, row in found.items()}
    return {key: (told.get(key), wanted.get(key)) for key in told | wanted if told.get(key) != wanted.get(key)}
