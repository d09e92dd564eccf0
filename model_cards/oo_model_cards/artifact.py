"""The model folder: an MLflow model that a predictor can check before it loads anything from it.

    MLmodel          MLflow's own description (flavour sklearn in skops format; never a pickle)
    model.skops      the fitted estimator
    model.onnx       the same as a graph, when it was exported and found equal
    oo.json          the manifest: feature set, feature names, parity, and the SHA-256 of every file above

The folder's digest is the SHA-256 of `oo.json`, which names every file's: who knows the digest knows the folder.

ArtifactError
├── Unsealed       no readable oo.json: not one of our model folders
├── Tampered       a file is missing, foreign or changed, or the digest is another one
└── Untrusted      a flavour or serialisation that runs code when it is loaded
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

__all__ = [
    "MANIFEST",
    "NOT_OURS",
    "ONNX",
    "PIN",
    "SKOPS",
    "TRUSTED_TYPES",
    "ArtifactError",
    "Manifest",
    "Parity",
    "Parts",
    "Tampered",
    "Unsealed",
    "Untrusted",
    "check_flavours",
    "digest",
    "read",
    "seal",
    "verify",
    "write",
]

MANIFEST = "oo.json"
MLMODEL = "MLmodel"
SKOPS = "model.skops"
ONNX = "model.onnx"
PIN = "oo-pin.json"
NOT_OURS = frozenset({MANIFEST, PIN, "registered_model_meta"})  # beside the model, not part of it

TRUSTED_TYPES: tuple[str, ...] = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)  # our own allow-list, beyond what skops itself trusts; what a model says about itself is not asked

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Flavours = dict[str, dict[str, object]]


class ArtifactError(Exception):
    """A model folder that must not be served."""


class Unsealed(ArtifactError):
    """There is no readable manifest."""


class Tampered(ArtifactError):
    """The folder is not what its digest says."""


class Untrusted(ArtifactError):
    """Loading it would run code that came with it."""


class Parity(BaseModel):
    """How equal ONNX and sklearn were found when the model was exported."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rows: Annotated[int, Field(ge=1)]
    max_difference: Annotated[float, Field(ge=0)]
    tolerance: Annotated[float, Field(gt=0)]


class Manifest(BaseModel):
    """`oo.json`. The files' paths are relative, with forward slashes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    feature_set: Annotated[str, Field(pattern=r"^[^@\s]+@[0-9a-f]{8,64}$")]
    features: Annotated[tuple[str, ...], Field(min_length=1)]
    parity: Parity | None = None
    files: dict[str, Digest]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a training run has in its hands: enough to write the whole folder.

    `skops` is `skops.io.dumps(estimator)` of a fitted binary classifier; `onnx` the exported graph with outputs
    (label, probabilities), or None when it was not equal. `sklearn_version` is `sklearn.__version__`.
    """

    skops: bytes
    onnx: bytes | None
    feature_set: str
    features: tuple[str, ...]
    sklearn_version: str
    parity: Parity | None = None


def write(folder: Path, parts: Parts) -> Manifest:
    """Write a sealed MLflow model folder; `mlflow.pyfunc.load_model` and `mlflow.sklearn.load_model` can load it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SKOPS).write_bytes(parts.skops)
    if parts.onnx is not None:
        (folder / ONNX).write_bytes(parts.onnx)
    (folder / MLMODEL).write_text(json.dumps(_mlmodel(parts), indent=2) + "\n", encoding="utf-8")  # JSON is YAML too
    return seal(folder, parts.feature_set, parts.features, parts.parity)


def seal(folder: Path, feature_set: str, features: tuple[str, ...], parity: Parity | None = None) -> Manifest:
    """Write `oo.json` over the files that a folder has (one that `mlflow.sklearn.save_model` wrote, say)."""
    files = {name: _sha256(folder / name) for name in _present(folder)}
    manifest = Manifest(feature_set=feature_set, features=features, parity=parity, files=files)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return manifest


def digest(folder: Path) -> str:
    """The folder's digest as its manifest stands; `verify` says whether the files agree.

    Raises:
        Unsealed: there is no manifest.
    """
    try:
        return _sha256(folder / MANIFEST)
    except OSError:
        raise Unsealed(f"{folder} has no {MANIFEST}: not a model folder of ours") from None


def read(folder: Path) -> Manifest:
    """The manifest, unchecked against the files.

    Raises:
        Unsealed: there is none, or it is not one.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise Unsealed(f"{folder} has no readable {MANIFEST}: not a model folder of ours") from None


def verify(folder: Path, expected: str | None = None) -> Manifest:
    """Check digest, files and flavours, reading bytes only; nothing is unpickled, imported or run.

    Without an expected digest (a folder mounted without one) the folder is only checked against itself.

    Raises:
        Unsealed, Tampered, Untrusted: see the module.
    """
    manifest = read(folder)
    if expected is not None and digest(folder) != expected:
        raise Tampered(f"the digest of {folder} is {digest(folder)}, not {expected}")
    present = set(_present(folder))
    _name_first("is missing", set(manifest.files) - present)
    _name_first("is not in the manifest", present - set(manifest.files))
    _name_first("was changed", {name for name in present if _sha256(folder / name) != manifest.files[name]})
    check_flavours(folder)
    return manifest


def check_flavours(folder: Path) -> None:
    """Refuse any flavour but ours, and any serialisation but skops.

    Raises:
        Untrusted: loading this model could run code of its own.
    """
    flavours = _flavours(folder)
    foreign = sorted(set(flavours) - {"sklearn", "python_function", "onnx"})
    if foreign:
        raise Untrusted(f"the flavour {foreign[0]} is not served here")
    serialised = flavours.get("sklearn", {}).get("serialization_format")
    if serialised != "skops":
        raise Untrusted(f"the model is serialised as {serialised}; only skops is loaded")
    if flavours["sklearn"].get("pickled_model") != SKOPS or not (folder / SKOPS).is_file():
        raise Untrusted(f"the model's data is not in {SKOPS}")
    _refuse_code(flavours)


def _refuse_code(flavours: Flavours) -> None:
    pyfunc = flavours.get("python_function", {})
    if pyfunc.get("loader_module", "mlflow.sklearn") != "mlflow.sklearn":
        raise Untrusted(f"the loader {pyfunc['loader_module']} is not ours")
    if any(flavour.get("code") for flavour in flavours.values()):
        raise Untrusted("the model brings code of its own")


def _flavours(folder: Path) -> Flavours:
    try:
        described = yaml.safe_load((folder / MLMODEL).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise Untrusted(f"{folder} has no readable {MLMODEL}") from None
    flavours = described.get("flavors") if isinstance(described, dict) else None
    if not isinstance(flavours, dict) or not all(isinstance(flavour, dict) for flavour in flavours.values()):
        raise Untrusted(f"{MLMODEL} names no flavours")
    return flavours


def _mlmodel(parts: Parts) -> dict[str, object]:
    return {
        "flavors": {
            "sklearn": {
                "pickled_model": SKOPS,
                "serialization_format": "skops",
                "skops_trusted_types": list(TRUSTED_TYPES),
                "sklearn_version": parts.sklearn_version,
                "code": None,
            },
            "python_function": {
                "loader_module": "mlflow.sklearn",
                "model_path": SKOPS,
                "predict_fn": "predict_proba",
                "env": {},
            },
        },
        "signature": {
            "inputs": _tensor([-1, len(parts.features)]),
            "outputs": _tensor([-1, 2]),
        },
        "metadata": {"feature_set": parts.feature_set, "features": list(parts.features)},
    }


def _tensor(shape: list[int]) -> str:
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": shape}}])


def _present(folder: Path) -> tuple[str, ...]:
    paths = (path for path in sorted(folder.rglob("*")) if not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in paths)
    return tuple(name for name in names if name not in NOT_OURS)


def _name_first(wrong: str, names: set[str]) -> None:
    if names:
        raise Tampered(f"{min(names)} {wrong}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
