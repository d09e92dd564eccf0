"""A view with its push source for each profile feature, a service for each feature set.

Each feature is a view of its own, for each has its own TTL and its own `computed_at`. That instant is a field, too:
SQLite's online store forgets fractions of a second, and a push of nothing but nulls would be ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource
from feast import ValueType as EntityType
from feast.types import Bool, Float32, Int64, String

from oo_features.feature import Feature
from oo_features.feature_set import FeatureSet
from oo_features.profile_schema import PROFILE_FEATURES
from oo_features.sets import FEATURE_SETS

__all__ = ["COMPUTED", "USER", "definitions", "push_name", "view_name"]

USER = "user_id"
COMPUTED = "computed_at_us"  # a field of each view: microseconds since the epoch
DTYPES = {"float32": Float32, "int": Int64, "bool": Bool}


def definitions(offline: str) -> list[Any]:
    """The user, a view with its push source for each profile feature, and a service for each feature set.

    `offline` is the folder or URL of `<feature>.parquet`: user_id, event_timestamp, created_timestamp and the value, no
    two rows of a user with the same two instants (Feast settles no ties).
    """
    user = Entity(name="user", join_keys=[USER], value_type=EntityType.STRING, description="Who gets tips.")
    views = {item.name: _view(item, user, offline) for item in PROFILE_FEATURES}
    sources = [view.stream_source for view in views.values()]
    return [user, *sources, *views.values(), *(_service(item, views) for item in FEATURE_SETS.values())]


def _view(of: Feature, user: Entity, offline: str) -> FeatureView:
    """Tags say what Feast has no word for."""
    history = FileSource(
        name=f"history_{of.name}",
        path=f"{offline}/{of.name}.parquet",
        timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
    )
    tags = {
        "source": of.source,
        "fallback": str(of.fallback),
        "low": str(of.low),
        "high": str(of.high),
        "fingerprint": FeatureSet(of.name, profile=(of,)).fingerprint,
    }
    return FeatureView(
        name=view_name(of),
        entities=[user],
        ttl=of.ttl,
        schema=[
            Field(name=USER, dtype=String),
            Field(name=of.name, dtype=DTYPES[of.dtype], description=of.doc),
            Field(name=COMPUTED, dtype=Int64),
        ],
        source=PushSource(name=push_name(of), batch_source=history),
        description=of.doc,
        tags=tags,
    )


def _service(of: FeatureSet, views: Mapping[str, FeatureView]) -> FeatureService:
    """The profile's part of a feature set; what belongs to the call itself is computed in the call."""
    return FeatureService(
        name=of.name,
        features=[views[item.name] for item in of.profile],
        tags={"feature_set": of.ref, "fingerprint": of.fingerprint},
        description=f"The profile features of {of.name}.",
    )


def view_name(of: Feature) -> str:
    return f"{of.group}_{of.name}"


def push_name(of: Feature) -> str:
    return f"push_{of.name}"
