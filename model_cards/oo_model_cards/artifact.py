"""The model folder: an MLflow model that a predictor can check before it loads anything from it.

    MLmodel          MLflow's own description (flavour sklearn in skops format; never a pickle)
    model.skops      the fitted estimator
    model.onnx       the same as a graph, when it was exported and found equal
    sample.json      rows and the estimator's values of them, which every server of the model has to give
    oo.json          the manifest: feature set, feature names, parity, and the SHA-256 of every file above

The folder's digest is the SHA-256 of `oo.json`, which names every file's: the digest identifies the folder. Which files
there may be and how large is in `files`; what is refused, and by which name, in `errors`. A folder of an earlier
version has no sample.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oo_model_cards import files
from oo_model_cards.errors import ArtifactError, DigestMismatch, NoManifest, TooLarge, UntrustedContent
from oo_model_cards.files import MANIFEST, MAX_BYTES, MLMODEL, NOT_OURS, ONNX, PIN, SAMPLE, SKOPS
from oo_model_cards.flavours import TRUSTED_TYPES, check_flavours, mlmodel, sklearn_version

__all__ = [
    "MANIFEST",
    "NOT_OURS",
    "ONNX",
    "PIN",
    "SAMPLE",
    "SKOPS",
    "TRUSTED_TYPES",
    "ArtifactError",
    "DigestMismatch",
    "Manifest",
    "ModelFiles",
    "NoManifest",
    "Parity",
    "ProbeSample",
    "TooLarge",
    "UntrustedContent",
    "check_flavours",
    "digest",
    "read_manifest",
    "read_sample",
    "sklearn_version",
    "verify_folder",
    "write_manifest",
    "write_model",
]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Parity(BaseModel):
    """How equal ONNX and sklearn were found when the model was exported."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rows: Annotated[int, Field(ge=1)]
    max_difference: Annotated[float, Field(ge=0)]
    tolerance: Annotated[float, Field(gt=0)]


class ProbeSample(BaseModel):
    """The contents of `sample.json`: rows (n, features) of float32 in the manifest's order, and the estimator's
    values (n,)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rows: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1)]
    values: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1)]


class Manifest(BaseModel):
    """The contents of `oo.json`; the files' paths are relative, with forward slashes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    feature_set: Annotated[str, Field(pattern=r"^[^@\s]+@[0-9a-f]{8,64}$")]
    features: Annotated[tuple[str, ...], Field(min_length=1)]
    parity: Parity | None = None
    files: dict[str, Digest]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What a training run has: enough to write the whole folder.

    `skops` is `skops.io.dumps(estimator)` of a fitted binary classifier; `onnx` the exported graph with outputs (label,
    probabilities), or None when it was not equal. `sklearn_version` is `sklearn.__version__`.
    """

    skops: bytes
    onnx: bytes | None
    feature_set: str
    features: tuple[str, ...]
    sklearn_version: str
    parity: Parity | None = None
    sample: ProbeSample | None = None


def write_model(folder: Path, files: ModelFiles) -> Manifest:
    """Write an MLflow model folder with its manifest.

    `mlflow.pyfunc.load_model` and `mlflow.sklearn.load_model` can load it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SKOPS).write_bytes(files.skops)
    if files.onnx is not None:
        (folder / ONNX).write_bytes(files.onnx)
    if files.sample is not None:
        (folder / SAMPLE).write_text(files.sample.model_dump_json() + "\n", encoding="utf-8")
    described = json.dumps(mlmodel(files.sklearn_version, files.feature_set, files.features), indent=2)  # JSON is YAML
    (folder / MLMODEL).write_text(described + "\n", encoding="utf-8")
    return write_manifest(folder, files.feature_set, files.features, files.parity)


def write_manifest(folder: Path, feature_set: str, features: tuple[str, ...], parity: Parity | None = None) -> Manifest:
    """Write `oo.json` over the files that a folder has (one that `mlflow.sklearn.save_model` wrote, say)."""
    files = {name: _sha256(folder / name) for name in _present(folder)}
    manifest = Manifest(feature_set=feature_set, features=features, parity=parity, files=files)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return manifest


def digest(folder: Path) -> str:
    """Return the folder's digest as its manifest stands; `verify_folder` checks whether the files agree.

    Raises:
        NoManifest: there is no manifest.
    """
    try:
        return _sha256(folder / MANIFEST)
    except OSError:
        raise NoManifest(f"{folder} has no {MANIFEST}: not a model folder of ours") from None


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest, unchecked against the files.

    Raises:
        NoManifest: there is none, or it is not one.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise NoManifest(f"{folder} has no readable {MANIFEST}: not a model folder of ours") from None


def verify_folder(folder: Path, expected: str | None = None) -> Manifest:
    """Check digest, files and flavours, reading bytes only, and return the manifest; nothing is unpickled, imported or
    run.

    Without an expected digest (a folder mounted without one) the folder is only checked against itself.

    Raises:
        NoManifest: there is no readable manifest.
        DigestMismatch: a file is missing, foreign or changed, or the digest is another one.
        UntrustedContent: the folder holds what is no part of a model, or loading it could run code.
        TooLarge: a file is larger than a model's may be.
    """
    present = set(_present(folder))
    manifest = read_manifest(folder)
    if expected is not None and digest(folder) != expected:
        raise DigestMismatch(f"the digest of {folder} is {digest(folder)}, not {expected}")
    _name_first("is missing", set(manifest.files) - present)
    _name_first("is not in the manifest", present - set(manifest.files))
    # Only files of known names are hashed: their sizes are bounded, a foreign file's is not.
    known = present & set(MAX_BYTES)
    _name_first("was changed", {name for name in known if _sha256(folder / name) != manifest.files[name]})
    check_flavours(folder)
    if extra := present - known:  # in the manifest, but nobody reads it: not even its hash
        raise UntrustedContent(f"{min(extra)} is no part of a model folder")
    return manifest


def read_sample(folder: Path) -> ProbeSample | None:
    """Return the recorded rows and values; None in a folder that an earlier version wrote.

    Raises:
        DigestMismatch: there is a file, and it is no sample.
    """
    if not (folder / SAMPLE).exists():
        return None
    try:
        sample = ProbeSample.model_validate_json((folder / SAMPLE).read_bytes())
    except ValidationError as error:
        raise DigestMismatch(f"{SAMPLE} is no sample: {error.errors()[0]['msg']}") from None
    if len(sample.rows) != len(sample.values):
        raise DigestMismatch(f"{SAMPLE} has {len(sample.rows)} rows and {len(sample.values)} values")
    return sample


def _present(folder: Path) -> tuple[str, ...]:
    return tuple(name for name in files.listing(folder) if name not in NOT_OURS)


def _name_first(wrong: str, names: set[str]) -> None:
    if names:
        raise DigestMismatch(f"{min(names)} {wrong}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
