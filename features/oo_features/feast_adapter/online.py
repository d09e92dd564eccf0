"""This module pushes signals' profile values into Feast's online store, and reads them as a call would ship them.

Feast's online reads ignore the TTL, so `online_profile` returns the instants too, and `profile_value` checks them as it
checks a call's. SQLite's online store lets an old value overwrite a new one, so `push_signal` compares first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from feast import FeatureStore
from oo_contracts.events import Signal
from oo_contracts.score import Reason

from oo_features.feast_adapter.definitions import COMPUTED_AT_COLUMN, USER_COLUMN, push_name, view_name
from oo_features.feature import Feature, check_value
from oo_features.profile_age import is_ahead
from oo_features.profile_schema import PROFILE_FEATURES

__all__ = ["PushResult", "online_profile", "push_signal"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INT64 = 2**63  # an int feature may have no upper bound; Feast's does


@dataclass(frozen=True, slots=True)
class PushResult:
    """The features of a signal that were written, those that were not newer, and why some were written as null."""

    written: tuple[str, ...]
    not_newer: tuple[str, ...]
    nulled: Mapping[str, str]


def online_profile(store: FeatureStore, user_id: str) -> tuple[dict[str, Any], dict[str, datetime]]:
    """Return a call's `profile_features` and `profile_computed_at`.

    A feature that was never pushed is in neither.
    """
    refs = [f"{view_name(item)}:{field}" for item in PROFILE_FEATURES for field in (item.name, COMPUTED_AT_COLUMN)]
    columns = store.get_online_features(refs, [{USER_COLUMN: user_id}], full_feature_names=True).to_dict()
    computed_at_us = {item.name: columns[f"{view_name(item)}__{COMPUTED_AT_COLUMN}"][0] for item in PROFILE_FEATURES}
    values = {item.name: columns[f"{view_name(item)}__{item.name}"][0] for item in PROFILE_FEATURES}
    instants = {
        name: EPOCH + timedelta(microseconds=micros) for name, micros in computed_at_us.items() if micros is not None
    }
    return {name: values[name] for name in instants}, instants


def push_signal(store: FeatureStore, signal: Signal) -> PushResult:
    """Write a signal's profile values to the online store; its `data` is `{feature: value, "computed_at": …}`.

    `computed_at` is an instant or one for each feature, and without it `occurred_at`. A value that
    is not newer than the stored one changes nothing, so signals may be repeated and late. A value
    that no row could have is written as null.

    Raises:
        ValueError: `computed_at` is no instant with a zone, or lies after the signal.
    """
    _, stored = online_profile(store, signal.user_id)
    computed_at = {item.name: _computed_at(signal, item.name) for item in PROFILE_FEATURES if item.name in signal.data}
    newer = [
        item
        for item in PROFILE_FEATURES
        if item.name in computed_at and computed_at[item.name] > stored.get(item.name, EPOCH)
    ]
    nulled: dict[str, Reason] = {}
    for item in newer:
        value, reason = _storable(item, signal.data[item.name])
        nulled |= {item.name: reason} if reason else {}
        _write(store, item, signal, computed_at[item.name], None if reason else value)
    written = tuple(item.name for item in newer)
    return PushResult(written, tuple(name for name in computed_at if name not in written), nulled)


def _storable(feature: Feature, raw: Any) -> tuple[float, Reason | None]:
    value, reason = check_value(feature, raw)
    return (value, "out_of_range") if feature.dtype == "int" and abs(value) >= INT64 else (value, reason)


def _computed_at(signal: Signal, name: str) -> datetime:
    stated = signal.data.get("computed_at")
    text = stated.get(name) if isinstance(stated, dict) else stated
    if text is None:
        return signal.occurred_at
    instant = datetime.fromisoformat(str(text))
    if instant.tzinfo is None:
        raise ValueError(f"computed_at: {text} has no zone")
    if is_ahead(instant, signal.occurred_at):
        raise ValueError(f"computed_at: {text} is after the signal, and nothing newer could replace it")
    return instant


def _write(store: FeatureStore, feature: Feature, signal: Signal, computed_at: datetime, value: float | None) -> None:
    row = {
        USER_COLUMN: signal.user_id,
        feature.name: int(value) if value is not None and feature.dtype == "int" else value,
        COMPUTED_AT_COLUMN: (computed_at - EPOCH) // timedelta(microseconds=1),
        "event_timestamp": computed_at,
        "created_timestamp": signal.occurred_at,
    }
    store.push(push_name(feature), {column: [cell] for column, cell in row.items()})
