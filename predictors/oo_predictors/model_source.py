"""This module finds a model: in a folder, or by a registry reference, pinned so that a restart needs no registry."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from oo_model_cards import artifact
from oo_model_cards.version import RegisteredVersion, RegistryUnavailable, parse_reference
from pydantic import BaseModel, ConfigDict, ValidationError

from oo_predictors.pins import NoPins, Pin, Pins

__all__ = ["ModelSource", "RegistryClient", "fetch", "from_folder", "from_reference"]

log = logging.getLogger(__name__)


class RegistryClient(Protocol):
    """The part of `oo_model_cards.registry.Registry` that this module needs."""

    def resolve(self, reference: str) -> RegisteredVersion:
        """Return the version that a reference names now."""

    def fetch(self, version: RegisteredVersion, into: Path) -> Path:
        """Download a version into a folder, verify it, and return the folder."""


class ModelSource(BaseModel):
    """A model folder, and the version and digest that it must have."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    version: str
    digest: str


def from_folder(folder: Path) -> ModelSource:
    """Return the source of a mounted folder.

    With the pin that `fetch` left in it, its version is MLflow's; without, it is the first digits of the digest.

    Raises:
        ArtifactError: it is not a model folder of ours.
    """
    pin = _read(folder / artifact.PIN)
    if pin is not None:
        return ModelSource(folder=folder, version=pin.version, digest=pin.digest)
    digest = artifact.digest(folder)
    return ModelSource(folder=folder, version=digest[:12], digest=digest)


def from_reference(reference: str, connect: Callable[[], RegistryClient], cache: Path) -> ModelSource:
    """Return the referenced version in the cache; it is fetched when it is not there yet, and pinned.

    `mlflow://name/3` never changes, so its pin is enough. An alias is resolved again at each start; only when MLflow
    does not answer does the pin decide, and the version stays the same as before.

    Raises:
        RegistryError: there is no such version; or MLflow does not answer and nothing is pinned.
        ArtifactError: what was fetched is not what was published.
        ValueError: it is not a reference.
    """
    fixed = parse_reference(reference).version is not None
    pin_path = cache / "pins" / f"{quote(reference, safe='')}.json"
    pin = _cached_pin(pin_path)
    if pin is not None and fixed and _intact(pin, cache):
        return _pinned_source(pin, cache)
    try:
        pin = _fetch_pin(reference, connect(), cache)
        _write(pin_path, pin)
    except RegistryUnavailable as error:
        if pin is None:
            raise
        log.warning("MLflow does not answer (%s); %s stays pinned to version %s", error, reference, pin.version)
    return _pinned_source(pin, cache)


def _fetch_pin(reference: str, registry: RegistryClient, cache: Path) -> Pin:
    """Return a pin of the version that the registry names now, after its files are in the cache."""
    version = registry.resolve(reference)
    pin = _pin(reference, version)
    if not _intact(pin, cache):
        shutil.rmtree(_cache_dir(cache, pin), ignore_errors=True)
        registry.fetch(version, _cache_dir(cache, pin))
    return pin


def fetch(reference: str, registry: RegistryClient, into: Path, pins: Pins = NoPins()) -> ModelSource:  # noqa: B008  # no state
    """Fill a folder for a later `from_folder`: agree with the neighbours, download, verify, leave the pin.

    Raises:
        RegistryError: there is no such version, or MLflow does not answer.
        ArtifactError: what was fetched is not what was published or pinned.
        ValueError: it is not a reference.
    """
    parse_reference(reference)
    # A neighbour's pin counts more than the version that the alias names by now: all pods serve the same.
    pin = pins.current() or pins.ensure(_pin(reference, registry.resolve(reference)))
    version = registry.resolve(f"{pin.name}/{pin.version}")
    if version.digest != pin.digest:
        raise artifact.DigestMismatch(f"{pin.name}/{pin.version} has another digest in MLflow than it was pinned to")
    registry.fetch(version, into)
    _write(into / artifact.PIN, pin)
    return from_folder(into)


def _pin(reference: str, version: RegisteredVersion) -> Pin:
    return Pin(reference=reference, name=version.name, version=version.version, digest=version.digest)


def _cache_dir(cache: Path, pin: Pin) -> Path:
    return cache / pin.name / f"{pin.version}-{pin.digest[:12]}"


def _pinned_source(pin: Pin, cache: Path) -> ModelSource:
    return ModelSource(folder=_cache_dir(cache, pin), version=pin.version, digest=pin.digest)


def _intact(pin: Pin, cache: Path) -> bool:
    if not _cache_dir(cache, pin).is_dir():
        return False
    try:
        artifact.verify_folder(_cache_dir(cache, pin), pin.digest)
    except artifact.ArtifactError as error:
        log.warning("%s; it is fetched again", error)
        return False
    return True


def _cached_pin(path: Path) -> Pin | None:
    """Return a pin of the cache, or None for a spoilt one, since the registry can be asked again."""
    try:
        return _read(path)
    except artifact.DigestMismatch as error:
        log.warning("%s; it is written again", error)
        return None


def _read(path: Path) -> Pin | None:
    try:
        return Pin.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise artifact.DigestMismatch(f"{path} is not a pin") from None


def _write(path: Path, pin: Pin) -> None:
    """Write the pin whole or not at all: a start may be killed at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(pin.model_dump_json() + "\n", encoding="utf-8")
    draft.replace(path)
