"""The one fitted model that every chain serves, as each of them wants it."""

from __future__ import annotations

from pathlib import Path

import joblib  # type: ignore[import-untyped]
import numpy as np
import skops.io
from oo_features.feature_sets import RANKER_V1
from oo_model_cards.artifact import ModelFiles, Parity, write_model
from skl2onnx import to_onnx
from sklearn import __version__ as sklearn_version
from sklearn.ensemble import HistGradientBoostingClassifier

__all__ = ["graph_file", "joblib_file", "model_folder", "write_ranker"]


def model_folder(folder: Path) -> Path:
    """Return the folder that our predictor serves."""
    return folder / "model"


def graph_file(folder: Path) -> Path:
    """Return the file of its ONNX graph."""
    return model_folder(folder) / "model.onnx"


def joblib_file(folder: Path) -> Path:
    """Return the file that peers load with joblib."""
    return folder / "model.joblib"


def write_ranker(folder: Path) -> None:
    """Fit a model on rows that are drawn, and write it as our sealed folder and as a joblib file."""
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(4_000, len(RANKER_V1.names))).astype(np.float32)
    rewarded = (rows[:, 0] + rows[:, 1] * rows[:, 2] + draw.normal(size=len(rows)) > 0).astype(int)
    model = HistGradientBoostingClassifier(random_state=0).fit(rows, rewarded)
    graph = to_onnx(model, rows[:1], options={"zipmap": False}).SerializeToString()
    parity = Parity(rows=len(rows), max_difference=0, tolerance=1e-5)
    files = ModelFiles(skops.io.dumps(model), graph, RANKER_V1.ref, RANKER_V1.names, sklearn_version, parity)
    write_model(model_folder(folder), files)
    joblib.dump(model, joblib_file(folder))
