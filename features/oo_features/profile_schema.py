"""The mirror of the recommender's profile registry, `services/api/src/profile/registry.ts`.

Profile features are computed there and shipped with every call; here each one's name, dtype, TTL, source and null
fallback are declared again, and a test compares names and TTLs. A value that is null, missing, of the wrong type, out
of range or older than its TTL falls back, and the reply says so; it never fails a call.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from oo_contracts.score import Reason

from oo_features.feature import Dtype, Feature, checked
from oo_features.moment import Moment

__all__ = ["PROFILE_FEATURES", "age_known", "profile_value"]

HOUR = 3_600
DAY = 24 * HOUR


def _mirrored(name: str, ttl_sec: int, source: str, fallback: float, doc: str, **more: Any) -> Feature:
    """One line of the mirror; its value is looked up in the shipped profile, never computed here."""
    dtype: Dtype = more.pop("dtype", "float32")
    low, high = more.pop("low", -math.inf), more.pop("high", math.inf)
    ttl = timedelta(seconds=ttl_sec)
    return Feature(name, "profile", dtype, source, f"{ttl}", fallback, doc, _shipped, low, high, ttl)


def _shipped(moment: Moment, name: str) -> Any:
    return (moment.profile or {}).get(name)


PROFILE_FEATURES = (
    _mirrored("completion_rate_30d", DAY, "todoist", 0.5, "Part of the tasks of 30 days that got done.", low=0, high=1),
    _mirrored("preferred_hour", 7 * DAY, "todoist", 9, "Hour at which most get done.", dtype="int", low=0, high=23),
    _mirrored("tip_accept_rate_30d", DAY, "feedback", 0.2, "Part of the shown tips that were taken.", low=0, high=1),
    _mirrored("tip_volume_7d", 6 * HOUR, "feedback", 0, "Tips shown in 7 days.", dtype="int", low=0),
    _mirrored("snooze_rate_30d", DAY, "feedback", 0.1, "Part of the shown tips that were put off.", low=0, high=1),
    _mirrored("active_days_14d", DAY, "app", 7, "Days of the last 14 with the app open.", dtype="int", low=0, high=14),
    _mirrored("tasks_open_avg_7d", 6 * HOUR, "todoist", 10, "Open tasks, averaged over 7 days.", low=0),
    _mirrored("days_since_signup", DAY, "account", 30, "Age of the account in days.", dtype="int", low=0),
)


def profile_value(of: Feature, moment: Moment) -> tuple[float, Reason | None]:
    """The shipped value, or the fallback with the reason: missing, null, stale, invalid or out_of_range."""
    if moment.profile is None or of.name not in moment.profile:
        return of.fallback, "missing"
    computed = _computed_at(of.name, moment)
    if computed is not None and of.ttl is not None and moment.now - computed > of.ttl:
        return of.fallback, "stale"
    return checked(of, moment.profile[of.name])


def age_known(features: tuple[Feature, ...], moment: Moment) -> bool:
    """Whether the call says when each shipped feature was computed."""
    shipped = [item.name for item in features if moment.profile and item.name in moment.profile]
    return bool(shipped) and all(_computed_at(name, moment) is not None for name in shipped)


def _computed_at(name: str, moment: Moment) -> datetime | None:
    stamp = moment.computed_at
    return stamp if stamp is None or isinstance(stamp, datetime) else stamp.get(name)
