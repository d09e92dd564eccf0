"""A feature set as it can be known: by this code, or by what was written down where a model was trained."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oo_features.declared import declared
from oo_features.feature import Feature
from oo_features.feature_set import FeatureSet
from oo_features.sets import FEATURE_SETS, RANKER_V1
from oo_model_cards import artifact

if TYPE_CHECKING:
    from oo_model_cards.registry import Registry, Version

__all__ = ["NOT_RECORDED", "Apart", "Described", "Known", "apart", "of_code", "of_reference", "present"]

NOT_RECORDED = "not recorded"
ABSENT = "absent"
FIELDS = ("dtype", "fallback", "bounds", "ttl", "source", "code")
FINGERPRINT = re.compile(r"@[0-9a-f]{8,64}$")


@dataclass(frozen=True, slots=True)
class Known:
    """One feature; None is what nobody wrote down."""

    name: str
    dtype: str | None = None
    fallback: float | None = None
    bounds: str | None = None
    ttl: str | None = None
    source: str | None = None
    code: str | None = None
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """A feature set under its reference, name and fingerprint."""

    ref: str
    features: tuple[Known, ...]

    def plain(self) -> dict[str, Any]:
        return {"feature_set": self.ref, "features": [asdict(item) for item in self.features]}


@dataclass(frozen=True, slots=True)
class Apart:
    """One difference; `feature` is None when it is about the whole set."""

    feature: str | None
    kind: str
    one: str
    other: str


def present(side: str) -> Described | None:
    """What this code knows by itself: `code`, or one of its own references."""
    by_ref = {item.ref: item for item in FEATURE_SETS.values()}
    found = RANKER_V1 if side == "code" else by_ref.get(side)
    return None if found is None else of_code(found)


def of_code(of: FeatureSet) -> Described:
    return Described(of.ref, tuple(map(_known, of.features)))


def _known(of: Feature) -> Known:
    return Known(of.full_name, **declared(of), doc=of.doc.splitlines()[0])


def of_reference(side: str, registry: Registry) -> Described:
    """A model's version, or the newest version that was trained on a feature set.

    Raises:
        ValueError: it is neither.
        RegistryError, ArtifactError: there is none, or MLflow is away; it is not what was published.
    """
    if FINGERPRINT.search(side):
        return _of_version(registry.trained_on(side), registry)
    return _of_version(registry.resolve(side), registry)


def _of_version(version: Version, registry: Registry) -> Described:
    """By this code in full when the fingerprint and the names are its own, else what manifest and card say."""
    with tempfile.TemporaryDirectory() as space:
        names = artifact.read(registry.fetch(version, Path(space) / "model")).features
    ours = present(version.feature_set)
    if ours is not None and names == tuple(item.name for item in ours.features):
        return ours
    inputs = {item.name: Known(**item.model_dump()) for item in registry.card(version).inputs}
    return Described(version.feature_set, tuple(inputs.get(name, Known(name)) for name in names))


def apart(one: Described, other: Described) -> tuple[Apart, ...]:
    """Every difference; what only one of them recorded is one."""
    return tuple(_apart(one, other)) if one != other else ()


def _apart(one: Described, other: Described) -> Iterator[Apart]:
    if one.ref != other.ref:
        yield Apart(None, "fingerprint", one.ref, other.ref)
    ours = {item.name: item for item in one.features}
    theirs = {item.name: item for item in other.features}
    for name in dict.fromkeys([*ours, *theirs]):
        if name not in ours or name not in theirs:
            yield Apart(name, "name", _place(name, ours), _place(name, theirs))
    yield from _order([name for name in ours if name in theirs], [name for name in theirs if name in ours])
    both = [(ours[name], theirs[name]) for name in ours if name in theirs]
    for field in FIELDS:
        yield from _field(field, both)


def _place(name: str, among: dict[str, Known]) -> str:
    return f"place {list(among).index(name)}" if name in among else ABSENT


def _order(ours: list[str], theirs: list[str]) -> Iterator[Apart]:
    """Among the features that both have: one that was put in does not move all that follow."""
    for place, (name, instead) in enumerate(zip(ours, theirs, strict=True)):
        if name != instead:
            yield Apart(name, "order", f"place {place}", f"place {theirs.index(name)}")


def _field(field: str, both: list[tuple[Known, Known]]) -> Iterator[Apart]:
    """One line for a field that one side never recorded, else one for each feature."""
    recorded = [any(getattr(pair[side], field) is not None for pair in both) for side in (0, 1)]
    if both and recorded[0] != recorded[1]:
        yield Apart(None, field, *("recorded" if there else NOT_RECORDED for there in recorded))
        return
    for one, other in both:
        if getattr(one, field) != getattr(other, field):
            yield Apart(one.name, field, _text(getattr(one, field)), _text(getattr(other, field)))


def _text(value: object) -> str:
    return NOT_RECORDED if value is None else str(value)
