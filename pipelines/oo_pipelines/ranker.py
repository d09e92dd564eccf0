"""Fit the ranker, and export it as a graph that must answer the same."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import sklearn
import skops.io
from numpy.typing import NDArray
from oo_features.feature_set import FeatureSet
from oo_model_cards.artifact import Parity, Parts
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier

from oo_pipelines.dataset import Dataset, Floats

__all__ = ["PARAMS", "TOLERANCE", "Exported", "export", "fit", "probabilities"]

PARAMS = {
    "max_iter": 120,
    "learning_rate": 0.06,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 25,
    "l2_regularization": 1.0,
}
TOLERANCE = 1e-5  # the largest difference between the graph and the estimator that is still the same model
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first instant that a zip can hold


@dataclass(frozen=True, slots=True)
class Exported:
    """What is published; `onnx_refused` says why there is no graph, if there is none."""

    parts: Parts
    onnx_refused: str | None


def fit(data: Dataset, seed: int) -> Any:
    """A gradient-boosted classifier of rewarded rounds; the same data and seed give the same trees."""
    model = HistGradientBoostingClassifier(**PARAMS, random_state=seed, early_stopping=False)
    return model.fit(data.rows, data.label)


def probabilities(model: Any, rows: Floats) -> NDArray[np.float64]:
    """The chance of a reward, one per row."""
    return np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64)


def export(model: Any, features: FeatureSet, rows: Floats, tolerance: float = TOLERANCE) -> Exported:
    """The estimator as skops and, if it answers the same on `rows` and on random ones, as ONNX."""
    graph = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}}, name="tip-ranker").SerializeToString()
    asked = np.vstack([rows, _random_like(rows)])
    apart = float(np.abs(_graph_says(graph, asked) - probabilities(model, asked)).max())
    parity = Parity(rows=len(asked), max_difference=apart, tolerance=tolerance)
    refused = None if apart <= tolerance else f"ONNX differs by {apart:.2g}, more than {tolerance:g}: sklearn serves"
    parts = Parts(
        skops=_canonical(skops.io.dumps(model)),
        onnx=None if refused else graph,
        feature_set=features.ref,
        features=features.names,
        sklearn_version=sklearn.__version__,
        parity=parity,
    )
    return Exported(parts, refused)


def _graph_says(graph: bytes, rows: Floats) -> NDArray[np.float64]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    _, chances = session.run(None, {session.get_inputs()[0].name: rows})
    return np.asarray(chances[:, 1], dtype=np.float64)


def _random_like(rows: Floats) -> Floats:
    """As many rows again, each feature drawn between its extremes: corners that the data did not visit."""
    draw = np.random.default_rng(0)
    return draw.uniform(rows.min(axis=0), rows.max(axis=0), rows.shape).astype(np.float32)


def _canonical(dumped: bytes) -> bytes:
    """A skops file without what differs between two dumps of one model: memory addresses and the clock."""
    given = zipfile.ZipFile(io.BytesIO(dumped))
    schema = given.read("schema.json").decode()
    addresses = dict.fromkeys(re.findall(r'"__id__": (\d+)', schema))
    number = {address: str(place) for place, address in enumerate(addresses)}

    def renamed(text: str) -> str:
        return re.sub(r"\d{9,}", lambda match: number.get(match[0], match[0]), text)

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(given.namelist(), key=renamed):
            data = json.dumps(json.loads(renamed(schema))).encode() if name == "schema.json" else given.read(name)
            made.writestr(zipfile.ZipInfo(renamed(name), EPOCH), data)
    return out.getvalue()
