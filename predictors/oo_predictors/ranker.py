"""A model that was checked and then loaded: rows in, probabilities of a reward out.

Nothing of a folder is loaded before its digest, its flavours, its feature set and the types inside it are checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime
import skops.io
from oo_contracts.wire import columns_digest
from oo_model_cards import artifact
from oo_model_cards.artifact import ArtifactError, Manifest, Untrusted

from oo_predictors.source import Source

__all__ = ["OnnxRuntime", "OtherFeatureSet", "Ranker", "Rows", "Runtime", "Sklearn", "Unfit", "load"]

Rows = npt.NDArray[np.float32]


class OtherFeatureSet(ArtifactError):
    """The model was trained on another feature set than the deployment expects."""


class Unfit(ArtifactError):
    """It loads, but does not give one probability per row."""


class Runtime(Protocol):
    """Gives the positive class's probability for each row."""

    def values(self, rows: Rows) -> npt.NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class OnnxRuntime:
    session: Any
    input: str
    output: str

    def values(self, rows: Rows) -> npt.NDArray[np.float32]:
        both: npt.NDArray[np.float32] = self.session.run([self.output], {self.input: rows})[0]
        return both[:, 1]


@dataclass(frozen=True, slots=True)
class Sklearn:
    estimator: Any

    def values(self, rows: Rows) -> npt.NDArray[np.float32]:
        both: npt.NDArray[np.float32] = self.estimator.predict_proba(rows).astype(np.float32)
        return both[:, 1]


@dataclass(frozen=True, slots=True)
class Ranker:
    """A served version."""

    version: str
    digest: str
    manifest: Manifest
    runtime: Runtime

    @property
    def feature_set(self) -> str:
        return self.manifest.feature_set

    @property
    def columns(self) -> str:
        return columns_digest(self.manifest.features)

    @property
    def width(self) -> int:
        return len(self.manifest.features)


def load(source: Source, expected: str | None = None) -> Ranker:
    """Check, load, and try one row.

    Raises:
        OtherFeatureSet: `expected` names another feature set.
        ArtifactError: tampered, untrusted, or not a model of ours.
    """
    manifest = artifact.verify(source.folder, source.digest)
    if expected is not None and manifest.feature_set != expected:
        raise OtherFeatureSet(f"the model was trained on {manifest.feature_set}, not on {expected}")
    _refuse_unknown_types(source.folder)
    onnx = source.folder / artifact.ONNX
    runtime = _onnx(onnx) if artifact.ONNX in manifest.files else _sklearn(source.folder / artifact.SKOPS)
    ranker = Ranker(source.version, source.digest, manifest, runtime)
    _try(ranker)
    return ranker


def _refuse_unknown_types(folder: Path) -> None:
    """Against our own allow-list; what the model says about its types is not asked."""
    try:
        found = skops.io.get_untrusted_types(file=folder / artifact.SKOPS)
    except Exception as error:  # noqa: BLE001  # whatever a hostile file makes the parser raise
        raise Untrusted(f"{artifact.SKOPS} cannot be read as skops: {type(error).__name__}") from None
    if unknown := sorted(set(found) - set(artifact.TRUSTED_TYPES)):
        raise Untrusted(f"{artifact.SKOPS} holds {unknown[0]}, which is not on our list of types")


def _onnx(path: Path) -> OnnxRuntime:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        return OnnxRuntime(session, session.get_inputs()[0].name, session.get_outputs()[1].name)
    except Exception as error:  # noqa: BLE001  # onnxruntime's errors share no class
        raise Unfit(f"{path.name} is not a classifier's graph: {type(error).__name__}") from None


def _sklearn(path: Path) -> Sklearn:
    return Sklearn(skops.io.load(path, trusted=list(artifact.TRUSTED_TYPES)))


def _try(ranker: Ranker) -> None:
    """A model that cannot judge a row of zeros would fail at its first call; also warms up."""
    try:
        found = ranker.runtime.values(np.zeros((2, ranker.width), dtype=np.float32))
    except Exception as error:  # as above
        raise Unfit(f"it cannot judge a row of {ranker.width} features: {type(error).__name__}") from error
    if found.shape != (2,) or not np.isfinite(found).all() or not ((found >= 0) & (found <= 1)).all():
        raise Unfit("it does not give one probability per row")
