"""Where a model comes from: a folder, or a registry reference that is pinned so that a restart needs no registry."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from oo_model_cards import artifact
from oo_model_cards.version import Unavailable, Version, parse
from pydantic import BaseModel, ConfigDict, ValidationError

from oo_predictors.pins import NoPins, Pin, Pins

__all__ = ["Registry", "Source", "fetch", "from_folder", "from_reference"]

log = logging.getLogger(__name__)


class Registry(Protocol):
    """What we ask of `oo_model_cards.registry.Registry`."""

    def resolve(self, reference: str) -> Version: ...

    def fetch(self, version: Version, into: Path) -> Path: ...


class Source(BaseModel):
    """A model folder, and which version it has to be."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    version: str
    digest: str


def from_folder(folder: Path) -> Source:
    """A mounted folder. With the pin that `fetch` left in it the version is MLflow's; else it is the digest's start.

    Raises:
        Unsealed: it is not a model folder of ours.
    """
    pin = _read(folder / artifact.PIN)
    if pin is not None:
        return Source(folder=folder, version=pin.version, digest=pin.digest)
    found = artifact.digest(folder)
    return Source(folder=folder, version=found[:12], digest=found)


def from_reference(reference: str, connect: Callable[[], Registry], cache: Path) -> Source:
    """The referenced version in the cache, fetched when it is not there yet, and pinned.

    `mlflow://name/3` never changes, so its pin is enough. An alias is asked for again at each start, and only when
    MLflow does not answer the pin decides: the same version as before, until someone can say otherwise.

    Raises:
        RegistryError: not found; or MLflow does not answer and nothing is pinned.
        ArtifactError: what was fetched is not what was published.
        ValueError: not a reference.
    """
    fixed = parse(reference).version is not None
    place = cache / "pins" / f"{quote(reference, safe='')}.json"
    pin = _kept(place)
    if pin is not None and fixed and _intact(pin, cache):
        return _pinned(pin, cache)
    try:
        pin = _fetched(reference, connect(), cache)
        _write(place, pin)
    except Unavailable as error:
        if pin is None:
            raise
        log.warning("MLflow does not answer (%s); %s stays pinned to version %s", error, reference, pin.version)
    return _pinned(pin, cache)


def _fetched(reference: str, registry: Registry, cache: Path) -> Pin:
    """The version as the registry has it now, in the cache."""
    version = registry.resolve(reference)
    pin = _pin(reference, version)
    if not _intact(pin, cache):
        shutil.rmtree(_home(cache, pin), ignore_errors=True)
        registry.fetch(version, _home(cache, pin))
    return pin


def fetch(reference: str, registry: Registry, into: Path, pins: Pins = NoPins()) -> Source:  # noqa: B008  # no state
    """Fill a folder for a later `from_folder`: agree with the neighbours, download, verify, leave the pin.

    Raises:
        RegistryError, ArtifactError, ValueError: as `from_reference`.
    """
    parse(reference)
    pin = pins.kept() or pins.keep(_pin(reference, registry.resolve(reference)))
    version = registry.resolve(f"{pin.name}/{pin.version}")
    if version.digest != pin.digest:
        raise artifact.Tampered(f"{pin.name}/{pin.version} has another digest in MLflow than it was pinned to")
    registry.fetch(version, into)
    _write(into / artifact.PIN, pin)
    return from_folder(into)


def _pin(reference: str, version: Version) -> Pin:
    return Pin(reference=reference, name=version.name, version=version.version, digest=version.digest)


def _home(cache: Path, pin: Pin) -> Path:
    return cache / pin.name / f"{pin.version}-{pin.digest[:12]}"


def _pinned(pin: Pin, cache: Path) -> Source:
    return Source(folder=_home(cache, pin), version=pin.version, digest=pin.digest)


def _intact(pin: Pin, cache: Path) -> bool:
    if not _home(cache, pin).is_dir():
        return False
    try:
        artifact.verify(_home(cache, pin), pin.digest)
    except artifact.ArtifactError as error:
        log.warning("%s; it is fetched again", error)
        return False
    return True


def _kept(place: Path) -> Pin | None:
    """A pin of the cache; a spoilt one is as good as none, for the registry can be asked."""
    try:
        return _read(place)
    except artifact.Tampered as error:
        log.warning("%s; it is written again", error)
        return None


def _read(place: Path) -> Pin | None:
    try:
        return Pin.model_validate_json(place.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise artifact.Tampered(f"{place} is not a pin") from None


def _write(place: Path, pin: Pin) -> None:
    """Whole or not at all: a start may be killed at any moment."""
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(".draft")
    draft.write_text(pin.model_dump_json() + "\n", encoding="utf-8")
    draft.replace(place)
