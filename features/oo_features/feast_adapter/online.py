"""Profile values of signals into the online store, and out of it as a call would have shipped them.

Feast's online reads ignore the TTL, so `shipped` gives the instants too, and `profile_value` judges them as it judges a
call's. SQLite's online store lets an old value overwrite a new one, so `push` looks first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from feast import FeatureStore
from oo_contracts.events import Signal
from oo_contracts.score import Reason

from oo_features.feast_adapter.definitions import COMPUTED, USER, push_name, view_name
from oo_features.feature import Feature, checked
from oo_features.profile_schema import PROFILE_FEATURES

__all__ = ["Pushed", "push", "shipped"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INT64 = 2**63  # an int feature may have no upper bound; Feast's does


@dataclass(frozen=True, slots=True)
class Pushed:
    """Features of a signal that were written, that were not newer than what is there, and why some went as null."""

    written: tuple[str, ...]
    not_newer: tuple[str, ...]
    nulled: Mapping[str, str]


def shipped(store: FeatureStore, user_id: str) -> tuple[dict[str, Any], dict[str, datetime]]:
    """What `profile_features` and `profile_computed_at` of a call would be; a feature never pushed is in neither."""
    refs = [f"{view_name(item)}:{field}" for item in PROFILE_FEATURES for field in (item.name, COMPUTED)]
    found = store.get_online_features(refs, [{USER: user_id}], full_feature_names=True).to_dict()
    at = {item.name: found[f"{view_name(item)}__{COMPUTED}"][0] for item in PROFILE_FEATURES}
    values = {item.name: found[f"{view_name(item)}__{item.name}"][0] for item in PROFILE_FEATURES}
    instants = {name: EPOCH + timedelta(microseconds=micros) for name, micros in at.items() if micros is not None}
    return {name: values[name] for name in instants}, instants


def push(store: FeatureStore, signal: Signal) -> Pushed:
    """Write a signal's profile values to the online store: `data` is `{feature: value, "computed_at": …}`.

    `computed_at` is an instant or one for each feature, and without it `occurred_at`. A value that is not newer than
    the stored one changes nothing, so a signal may come again, and late. One that no row could have is written as null.

    Raises:
        ValueError: `computed_at` is no instant with a zone.
    """
    _, stored = shipped(store, signal.user_id)
    at = {item.name: _computed_at(signal, item.name) for item in PROFILE_FEATURES if item.name in signal.data}
    newer = [item for item in PROFILE_FEATURES if item.name in at and at[item.name] > stored.get(item.name, EPOCH)]
    nulled: dict[str, Reason] = {}
    for item in newer:
        value, reason = _storable(item, signal.data[item.name])
        nulled |= {item.name: reason} if reason else {}
        _write(store, item, signal, at[item.name], None if reason else value)
    written = tuple(item.name for item in newer)
    return Pushed(written, tuple(name for name in at if name not in written), nulled)


def _storable(of: Feature, given: Any) -> tuple[float, Reason | None]:
    value, reason = checked(of, given)
    return (value, "out_of_range") if of.dtype == "int" and abs(value) >= INT64 else (value, reason)


def _computed_at(signal: Signal, name: str) -> datetime:
    said = signal.data.get("computed_at")
    text = said.get(name) if isinstance(said, dict) else said
    if text is None:
        return signal.occurred_at
    instant = datetime.fromisoformat(str(text))
    if instant.tzinfo is None:
        raise ValueError(f"computed_at: {text} has no zone")
    return instant


def _write(store: FeatureStore, of: Feature, signal: Signal, at: datetime, value: float | None) -> None:
    row = {
        USER: signal.user_id,
        of.name: int(value) if value is not None and of.dtype == "int" else value,
        COMPUTED: (at - EPOCH) // timedelta(microseconds=1),
        "event_timestamp": at,
        "created_timestamp": signal.occurred_at,
    }
    store.push(push_name(of), {column: [one] for column, one in row.items()})
