"""Snapshots of a feature set: by this code, or by what was recorded where a model was trained."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oo_features.feature import Feature
from oo_features.feature_record import record_of
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import FEATURE_SETS, RANKER_V1
from oo_model_cards import artifact

if TYPE_CHECKING:
    from oo_model_cards.registry import RegisteredVersion, Registry

__all__ = [
    "NOT_RECORDED",
    "FeatureDifference",
    "FeatureSetSnapshot",
    "FeatureSnapshot",
    "feature_differences",
    "snapshot_here",
    "snapshot_of_code",
    "snapshot_of_reference",
]

NOT_RECORDED = "not recorded"
ABSENT = "absent"
FIELDS = ("dtype", "fallback", "bounds", "ttl", "source", "code")
FINGERPRINT = re.compile(r"@[0-9a-f]{8,64}$")


@dataclass(frozen=True, slots=True)
class FeatureSnapshot:
    """One feature; None stands for what was not recorded."""

    name: str
    dtype: str | None = None
    fallback: float | None = None
    bounds: str | None = None
    ttl: str | None = None
    source: str | None = None
    code: str | None = None
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class FeatureSetSnapshot:
    """A feature set under its reference, which is name and fingerprint."""

    ref: str
    features: tuple[FeatureSnapshot, ...]

    def plain(self) -> dict[str, Any]:
        """Return the snapshot for JSON."""
        return {"feature_set": self.ref, "features": [asdict(item) for item in self.features]}


@dataclass(frozen=True, slots=True)
class FeatureDifference:
    """One difference; `feature` is None when it is about the whole set."""

    feature: str | None
    kind: str
    one: str
    other: str


def snapshot_here(side: str) -> FeatureSetSnapshot | None:
    """Return the snapshot that this code can make by itself, of `code` or of one of its own references; else None."""
    by_ref = {item.ref: item for item in FEATURE_SETS.values()}
    feature_set = RANKER_V1 if side == "code" else by_ref.get(side)
    return None if feature_set is None else snapshot_of_code(feature_set)


def snapshot_of_code(feature_set: FeatureSet) -> FeatureSetSnapshot:
    """Return the snapshot of a feature set of this code."""
    return FeatureSetSnapshot(feature_set.ref, tuple(map(_known, feature_set.features)))


def _known(feature: Feature) -> FeatureSnapshot:
    return FeatureSnapshot(feature.full_name, **record_of(feature), doc=feature.doc.splitlines()[0])


def snapshot_of_reference(side: str, registry: Registry) -> FeatureSetSnapshot:
    """Return the snapshot of a model's version, or of the newest version that was trained on a feature set.

    Raises:
        ValueError: it is neither.
        RegistryError: there is no such version, or MLflow is away.
        ArtifactError: it is not what was published.
    """
    if FINGERPRINT.search(side):
        return _of_version(registry.trained_on(side), registry)
    return _of_version(registry.resolve(side), registry)


def _of_version(version: RegisteredVersion, registry: Registry) -> FeatureSetSnapshot:
    """Return the snapshot of a version.

    It is this code's when the fingerprint and the names are its own, else what manifest and card record.
    """
    with tempfile.TemporaryDirectory() as space:
        names = artifact.read_manifest(registry.fetch(version, Path(space) / "model")).features
    own = snapshot_here(version.feature_set)
    if own is not None and names == tuple(item.name for item in own.features):
        return own
    inputs = {item.name: FeatureSnapshot(**item.model_dump()) for item in registry.card(version).inputs}
    return FeatureSetSnapshot(version.feature_set, tuple(inputs.get(name, FeatureSnapshot(name)) for name in names))


def feature_differences(left: FeatureSetSnapshot, right: FeatureSetSnapshot) -> tuple[FeatureDifference, ...]:
    """Return every difference; a field that only one of them recorded is one."""
    return tuple(_differences(left, right)) if left != right else ()


def _differences(left: FeatureSetSnapshot, right: FeatureSetSnapshot) -> Iterator[FeatureDifference]:
    if left.ref != right.ref:
        yield FeatureDifference(None, "fingerprint", left.ref, right.ref)
    left_by_name = {item.name: item for item in left.features}
    right_by_name = {item.name: item for item in right.features}
    for name in dict.fromkeys([*left_by_name, *right_by_name]):
        if name not in left_by_name or name not in right_by_name:
            yield FeatureDifference(name, "name", _place(name, left_by_name), _place(name, right_by_name))
    yield from _order(
        [name for name in left_by_name if name in right_by_name],
        [name for name in right_by_name if name in left_by_name],
    )
    both = [(left_by_name[name], right_by_name[name]) for name in left_by_name if name in right_by_name]
    for field in FIELDS:
        yield from _field(field, both)


def _place(name: str, features: dict[str, FeatureSnapshot]) -> str:
    return f"place {list(features).index(name)}" if name in features else ABSENT


def _order(left_names: list[str], right_names: list[str]) -> Iterator[FeatureDifference]:
    """Yield changes of order among the features that both have: a new one does not move all that follow."""
    for index, (name, other_name) in enumerate(zip(left_names, right_names, strict=True)):
        if name != other_name:
            yield FeatureDifference(name, "order", f"place {index}", f"place {right_names.index(name)}")


def _field(field: str, both: list[tuple[FeatureSnapshot, FeatureSnapshot]]) -> Iterator[FeatureDifference]:
    """Yield one difference for a field that one side never recorded, else one for each feature."""
    recorded = [any(getattr(pair[side], field) is not None for pair in both) for side in (0, 1)]
    if both and recorded[0] != recorded[1]:
        yield FeatureDifference(None, field, *("recorded" if is_recorded else NOT_RECORDED for is_recorded in recorded))
        return
    for left, right in both:
        if getattr(left, field) != getattr(right, field):
            yield FeatureDifference(left.name, field, _text(getattr(left, field)), _text(getattr(right, field)))


def _text(value: object) -> str:
    return NOT_RECORDED if value is None else str(value)
