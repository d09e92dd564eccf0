"""This module defines a Feast view and push source for each profile feature, and a service for each feature set.

Each feature is a view of its own, because each has its own TTL and its own `computed_at`. That instant is a field, too:
SQLite's online store drops fractions of a second, and ignores a push that holds nothing but nulls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource
from feast import ValueType as EntityType
from feast.types import Bool, Float32, Int64, String

from oo_features.feature import Feature
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import FEATURE_SETS
from oo_features.profile_schema import PROFILE_FEATURES

__all__ = ["COMPUTED_AT_COLUMN", "USER_COLUMN", "definitions", "push_name", "view_name"]

USER_COLUMN = "user_id"
COMPUTED_AT_COLUMN = "computed_at_us"  # a field of each view: microseconds since the epoch
FEAST_DTYPES = {"float32": Float32, "int": Int64, "bool": Bool}


def definitions(offline: str) -> list[Any]:
    """Return Feast's objects: the user, a view and push source for each feature, a service for each feature set.

    `offline` is the folder or URL of `<feature>.parquet`: user_id, event_timestamp, created_timestamp and the value, no
    two rows of a user with the same two instants (Feast does not settle ties).
    """
    user = Entity(name="user", join_keys=[USER_COLUMN], value_type=EntityType.STRING, description="Who gets tips.")
    views = {item.name: _view(item, user, offline) for item in PROFILE_FEATURES}
    sources = [view.stream_source for view in views.values()]
    return [user, *sources, *views.values(), *(_service(item, views) for item in FEATURE_SETS.values())]


def _view(feature: Feature, user: Entity, offline: str) -> FeatureView:
    """Return the view of one feature; its tags hold what Feast has no field for."""
    history = FileSource(
        name=f"history_{feature.name}",
        path=f"{offline}/{feature.name}.parquet",
        timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
    )
    tags = {
        "source": feature.source,
        "fallback": str(feature.fallback),
        "low": str(feature.low),
        "high": str(feature.high),
        "fingerprint": FeatureSet(feature.name, profile=(feature,)).fingerprint,
    }
    return FeatureView(
        name=view_name(feature),
        entities=[user],
        ttl=feature.ttl,
        schema=[
            Field(name=USER_COLUMN, dtype=String),
            Field(name=feature.name, dtype=FEAST_DTYPES[feature.dtype], description=feature.doc),
            Field(name=COMPUTED_AT_COLUMN, dtype=Int64),
        ],
        source=PushSource(name=push_name(feature), batch_source=history),
        description=feature.doc,
        tags=tags,
    )


def _service(feature_set: FeatureSet, views: Mapping[str, FeatureView]) -> FeatureService:
    """The profile's part of a feature set; what belongs to the call itself is computed in the call."""
    return FeatureService(
        name=feature_set.name,
        features=[views[item.name] for item in feature_set.profile],
        tags={"feature_set": feature_set.ref, "fingerprint": feature_set.fingerprint},
        description=f"The profile features of {feature_set.name}.",
    )


def view_name(feature: Feature) -> str:
    """Return the name of a feature's view."""
    return f"{feature.group}_{feature.name}"


def push_name(feature: Feature) -> str:
    """Return the name of a feature's push source."""
    return f"push_{feature.name}"
