"""Random signals and reactions with corrections, and the batch features computed from them one decision at a time."""

from __future__ import annotations

import json
import random
from array import array
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from oo_features.feature import check_value
from oo_features.profile_schema import PROFILE_FEATURES

__all__ = ["ASKED", "facts", "served", "table"]

US = timedelta(microseconds=1)
DAY = timedelta(days=1)
DAWN = datetime(2026, 3, 1, tzinfo=UTC)
MIDNIGHTS = tuple(DAWN + place * DAY for place in range(40))
KINDS = {
    "signals": ("task_created", "task_created", "task_completed", "app_opened", "app_opened", "note_added"),
    "reactions": ("shown", "shown", "clicked", "completed", "snoozed", "dismissed"),
}
FEATURES = {item.name: item for item in PROFILE_FEATURES}


def share(part, whole):
    return len(part) / len(whole) if whole else None


def about(known, *kinds):
    return {row["subject"] for row in known if row["kind"] in kinds}


def days(known, now):
    opened = {row["event_timestamp"].date() for row in known if row["kind"] == "app_opened"}
    return len({day for day in opened if (now.date() - day).days < 14})


ASKED = {  # of each feature its source, its days, and its value from the known facts within them
    "completion_rate_30d": (
        "signals",
        30,
        lambda known, _: share(about(known, "task_completed"), about(known, "task_created", "task_completed")),
    ),
    "active_days_14d": ("signals", 14, days),
    "tip_volume_7d": ("reactions", 7, lambda known, _: len(about(known, *KINDS["reactions"]))),
    "tip_accept_rate_30d": (
        "reactions",
        30,
        lambda known, _: share(about(known, "clicked", "completed"), about(known, *KINDS["reactions"])),
    ),
    "snooze_rate_30d": (
        "reactions",
        30,
        lambda known, _: share(about(known, "snoozed"), about(known, *KINDS["reactions"])),
    ),
}


def facts(source, count, seed):
    """`count` users: rows of facts, of which some correct others, and rows of decisions."""
    draw = random.Random(seed)
    rows, spine = [], []
    for user in range(count):
        now = draw.choice((draw.choice(MIDNIGHTS[30:]), DAWN + timedelta(seconds=draw.randrange(40 * 86_400))))
        spine.append({"request_id": f"r-{user}", "user_id": f"u-{user}", "decided_at": now})
        for place in range(draw.randrange(9)):
            rows += _versions(draw, source, f"u-{user}", f"e-{user}-{place}", now)
    draw.shuffle(rows)
    return rows, spine


def _versions(draw, source, user, event_id, now):
    """One fact; sometimes corrected: another kind, another time, written before the decision or after it."""
    found, created = [], None
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        edge = draw.choice((7, 14, 30)) * DAY + draw.choice((-US, 0 * US, US))
        age = draw.choice((-US, 0 * US, US, edge, edge, draw.randrange(40) * DAY / 3))
        event = now - age
        created = (
            draw.choice((event, now, now + US, now - US)) if created is None else created + draw.randrange(3) * DAY
        )
        kind, subject = draw.choice(KINDS[source]), f"s-{draw.randrange(4)}"
        times = {"event_timestamp": event, "created_timestamp": created}
        found.append({"event_id": event_id, "user_id": user, "kind": kind, "subject": subject, **times})
    return found


def table(source, rows):
    """The facts as they are logged: a signal's task is in the JSON of its data."""
    instants = {
        theirs: pa.array([row[ours] for row in rows], pa.timestamp("us", "UTC"))
        for ours, theirs in (("event_timestamp", "occurred_at"), ("created_timestamp", "created_timestamp"))
    }
    if source == "signals":
        more = {
            "type": [row["kind"] for row in rows],
            "data": [json.dumps({"task_id": row["subject"], "n": 1}) for row in rows],
        }
    else:
        more = {"reaction": [row["kind"] for row in rows], "request_id": [row["subject"] for row in rows]}
    return pa.table({name: [row[name] for row in rows] for name in ("event_id", "user_id")} | more | instants)


def served(rows, spine, name):
    """request_id → value and reason: of each fact the last version written by then, if that one is within the days."""
    of, (_, back, value) = FEATURES[name], ASKED[name]
    by_user = {one["user_id"]: [] for one in spine}
    for row in rows:
        by_user[row["user_id"]].append(row)
    return {one["request_id"]: _judged(of, value, by_user[one["user_id"]], one["decided_at"], back) for one in spine}


def _judged(of, value, rows, now, back):
    current = {}
    for row in sorted(
        rows, key=lambda row: [row[by] for by in ("created_timestamp", "event_timestamp", "kind", "subject")]
    ):
        if row["created_timestamp"] <= now:
            current[row["event_id"]] = row
    known = [row for row in current.values() if now - back * DAY < row["event_timestamp"] <= now]
    found, reason = check_value(of, value(known, now))
    return array("f", [found])[0], reason
