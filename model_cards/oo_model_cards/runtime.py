"""The two ways to compute a model's values: its graph in ONNX Runtime, or its estimator in scikit-learn.

Nothing is loaded before the archive's sizes and the types inside it are checked. Replay compares bits, so what changes
the order of a sum would be a difference: both compute a call's rows in one go, on one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime
import skops.io

from oo_model_cards import archive, artifact
from oo_model_cards.artifact import Manifest
from oo_model_cards.errors import InvalidModelOutput, UntrustedContent

__all__ = ["OnnxRuntime", "Rows", "Runtime", "SklearnRuntime", "Values", "estimator", "load"]

Rows = npt.NDArray[np.float32]
Values = npt.NDArray[np.float32]


class Runtime(Protocol):
    """A function from rows to the positive class's probabilities; `platform` names it in a served model's metadata."""

    platform: ClassVar[str]

    def values(self, rows: Rows) -> Values:
        """Return the probability of each row: from (rows, features) to (rows,)."""


@dataclass(frozen=True, slots=True)
class OnnxRuntime:
    """A graph in ONNX Runtime; `output` names its probabilities (rows, 2)."""

    platform: ClassVar[str] = "onnxruntime"
    session: Any
    input: str
    output: str

    def values(self, rows: Rows) -> Values:
        """Return the probability of each row: from (rows, features) to (rows,)."""
        probabilities: npt.NDArray[np.float32] = self.session.run([self.output], {self.input: rows})[0]
        return probabilities[:, 1]


@dataclass(frozen=True, slots=True)
class SklearnRuntime:
    """An estimator of scikit-learn."""

    platform: ClassVar[str] = "sklearn"
    estimator: Any

    def values(self, rows: Rows) -> Values:
        """Return the probability of each row: from (rows, features) to (rows,)."""
        probabilities: npt.NDArray[np.float32] = self.estimator.predict_proba(rows).astype(np.float32)
        return probabilities[:, 1]


def load(folder: Path, manifest: Manifest) -> Runtime:
    """Return the runtime of a verified folder: its graph if it has one, else its estimator.

    Raises:
        TooLarge: the estimator's archive would unpack to more than a model may.
        UntrustedContent: it holds a type that is not on our list.
        InvalidModelOutput: the graph is not a classifier's.
    """
    check_types(folder)
    return _graph(folder / artifact.ONNX) if artifact.ONNX in manifest.files else estimator(folder)


def check_types(folder: Path) -> None:
    """Check the estimator's types against our own allow-list; what the model declares about its types is ignored.

    Raises:
        TooLarge: the archive would unpack to more than a model may.
        UntrustedContent: it is no skops file, or holds a type that is not on our list.
    """
    archive.check(folder / artifact.SKOPS)
    try:
        types = skops.io.get_untrusted_types(file=folder / artifact.SKOPS)
    except Exception as error:  # noqa: BLE001  # whatever a hostile file makes the parser raise
        raise UntrustedContent(f"{artifact.SKOPS} cannot be read as skops: {type(error).__name__}") from None
    if unknown := sorted(set(types) - set(artifact.TRUSTED_TYPES)):
        raise UntrustedContent(f"{artifact.SKOPS} holds {unknown[0]}, which is not on our list of types")


def estimator(folder: Path) -> SklearnRuntime:
    """Return the estimator of a folder whose types were checked."""
    return SklearnRuntime(skops.io.load(folder / artifact.SKOPS, trusted=list(artifact.TRUSTED_TYPES)))


def _graph(path: Path) -> OnnxRuntime:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        return OnnxRuntime(session, session.get_inputs()[0].name, session.get_outputs()[1].name)
    except Exception as error:  # noqa: BLE001  # onnxruntime's errors share no class
        raise InvalidModelOutput(f"{path.name} is not a classifier's graph: {type(error).__name__}") from None
