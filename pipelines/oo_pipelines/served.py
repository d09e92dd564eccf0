"""A published model as the predictor serves it: the same file, one thread, float32, a call's rows in one go.

Replay compares bits, so what changes the order of a sum would be a difference: threads, and rows of several calls put
together. A test holds this to the predictor's own answers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import skops.io
from oo_model_cards import artifact

from oo_pipelines.dataset import Floats
from oo_pipelines.replay import Model

__all__ = ["load"]

Runtime = Callable[[Floats], Any]


def load(folder: Path) -> Model:
    """The model of a folder whose manifest, files and types are checked first.

    Raises:
        ArtifactError: it is not one that a predictor would serve.
    """
    manifest = artifact.verify(folder)
    unknown = set(skops.io.get_untrusted_types(file=folder / artifact.SKOPS)) - set(artifact.TRUSTED_TYPES)
    if unknown:
        raise artifact.Untrusted(f"{artifact.SKOPS} holds {min(unknown)}, which is not on our list of types")
    runtime = _onnx(folder / artifact.ONNX) if artifact.ONNX in manifest.files else _sklearn(folder / artifact.SKOPS)

    def values(rows: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
        if not rows:
            return ()
        return tuple(runtime(np.array(rows, dtype=np.float32)).astype(np.float32)[:, 1].tolist())

    return Model(manifest.feature_set, values)


def _onnx(path: Path) -> Runtime:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    asked, told = session.get_inputs()[0].name, session.get_outputs()[1].name
    return lambda rows: session.run([told], {asked: rows})[0]


def _sklearn(path: Path) -> Runtime:
    estimator = skops.io.load(path, trusted=list(artifact.TRUSTED_TYPES))
    judge: Runtime = estimator.predict_proba
    return judge
