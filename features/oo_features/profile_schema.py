"""This module mirrors the recommender's profile registry, `services/api/src/profile/registry.ts`.

Profile features are computed there and shipped with every call; here each one's name, dtype, TTL, source and null
fallback are declared again, and a test compares names and TTLs. A value that is null, missing, of the wrong type, out
of range or older than its TTL falls back, and the reply says so; it never fails a call.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from oo_contracts.score import Reason

from oo_features.feature import Dtype, Feature, check_value
from oo_features.feature_context import FeatureContext

__all__ = ["PROFILE_FEATURES", "age_known", "profile_value"]

HOUR = 3_600
DAY = 24 * HOUR


def _profile_feature(name: str, ttl_sec: int, source: str, fallback: float, doc: str, **more: Any) -> Feature:
    """Declare one feature of the mirror; its value is looked up in the shipped profile, never computed here."""
    dtype: Dtype = more.pop("dtype", "float32")
    low, high = more.pop("low", -math.inf), more.pop("high", math.inf)
    ttl = timedelta(seconds=ttl_sec)
    return Feature(name, "profile", dtype, source, f"{ttl}", fallback, doc, _profile_entry, low, high, ttl)


def _profile_entry(context: FeatureContext, name: str) -> Any:
    return (context.profile or {}).get(name)


PROFILE_FEATURES = (
    _profile_feature(
        "completion_rate_30d", DAY, "todoist", 0.5, "Part of the tasks of 30 days that got done.", low=0, high=1
    ),
    _profile_feature(
        "preferred_hour", 7 * DAY, "todoist", 9, "Hour at which most get done.", dtype="int", low=0, high=23
    ),
    _profile_feature(
        "tip_accept_rate_30d", DAY, "feedback", 0.2, "Part of the shown tips that were taken.", low=0, high=1
    ),
    _profile_feature("tip_volume_7d", 6 * HOUR, "feedback", 0, "Tips shown in 7 days.", dtype="int", low=0),
    _profile_feature(
        "snooze_rate_30d", DAY, "feedback", 0.1, "Part of the shown tips that were put off.", low=0, high=1
    ),
    _profile_feature(
        "active_days_14d", DAY, "app", 7, "Days of the last 14 with the app open.", dtype="int", low=0, high=14
    ),
    _profile_feature("tasks_open_avg_7d", 6 * HOUR, "todoist", 10, "Open tasks, averaged over 7 days.", low=0),
    _profile_feature("days_since_signup", DAY, "account", 30, "Age of the account in days.", dtype="int", low=0),
)


def profile_value(declaration: Feature, context: FeatureContext) -> tuple[float, Reason | None]:
    """Return the shipped value and None, or the fallback and the reason.

    Reasons are missing, null, stale, invalid and out_of_range.
    """
    if context.profile is None or declaration.name not in context.profile:
        return declaration.fallback, "missing"
    computed = _computed_at(declaration.name, context)
    if computed is not None and declaration.ttl is not None and context.now - computed > declaration.ttl:
        return declaration.fallback, "stale"
    return check_value(declaration, context.profile[declaration.name])


def age_known(features: tuple[Feature, ...], context: FeatureContext) -> bool:
    """Whether the call says when each shipped feature was computed."""
    shipped = [item.name for item in features if context.profile and item.name in context.profile]
    return bool(shipped) and all(_computed_at(name, context) is not None for name in shipped)


def _computed_at(name: str, context: FeatureContext) -> datetime | None:
    stamp = context.computed_at
    return stamp if stamp is None or isinstance(stamp, datetime) else stamp.get(name)
