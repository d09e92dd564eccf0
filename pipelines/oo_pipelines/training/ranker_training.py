"""The ranker: fitted, and exported as a graph that must answer the same."""

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
from oo_model_cards.artifact import ModelFiles, Parity, ProbeSample
from oo_model_cards.inspection import TOLERANCE
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier

from oo_pipelines.training.dataset import Dataset, Floats
from oo_pipelines.training.thresholds import float32_copy, has_categories, threshold_rows

__all__ = ["HYPERPARAMETERS", "TOLERANCE", "RankerExport", "export_ranker", "fit_ranker", "probabilities"]

HYPERPARAMETERS = {
    "max_iter": 120,
    "learning_rate": 0.06,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 25,
    "l2_regularization": 1.0,
}
SAMPLE_ROWS = 64  # sample rows mixed from the data; and nodes of the trees, with three rows on each one's threshold
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first instant that a zip can hold


@dataclass(frozen=True, slots=True)
class RankerExport:
    """The files to publish; `onnx_refused` says why there is no graph, None if there is one."""

    files: ModelFiles
    onnx_refused: str | None


def fit_ranker(data: Dataset, seed: int) -> Any:
    """Return a gradient-boosted classifier of rewarded rounds; the same data and seed give the same trees."""
    model = HistGradientBoostingClassifier(**HYPERPARAMETERS, random_state=seed, early_stopping=False)
    return model.fit(data.rows, data.label)


def probabilities(model: Any, rows: Floats) -> NDArray[np.float64]:
    """Return the probability of a reward of each row (rows,)."""
    return np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64)


def export_ranker(model: Any, features: FeatureSet, rows: Floats, tolerance: float = TOLERANCE) -> RankerExport:
    """Return the estimator as skops and, if it answers the same on `rows` and on harder ones, as ONNX."""
    graph, parity, why_refused = _graph(model, rows, tolerance)
    files = ModelFiles(
        skops=_canonical(skops.io.dumps(model)),
        onnx=graph,
        feature_set=features.ref,
        features=features.names,
        sklearn_version=sklearn.__version__,
        parity=parity,
        sample=_sample(model, rows),
    )
    return RankerExport(files, why_refused)


def _sample(model: Any, rows: Floats) -> ProbeSample:
    """Return rows that every server of the model tries again, with the estimator's values.

    Each feature of a row is of another round, so that no row is anybody's. A call holds no NaN, nor does the sample.
    """
    draw = np.random.default_rng(0)
    mixed = np.nan_to_num(rows[draw.integers(0, len(rows), (SAMPLE_ROWS, rows.shape[1])), np.arange(rows.shape[1])])
    on_thresholds = threshold_rows(model, mixed, SAMPLE_ROWS)
    sample_rows = np.vstack([mixed, on_thresholds[np.isfinite(on_thresholds).all(axis=1)]])
    written = sample_rows.astype(str).astype(np.float64)  # the shortest decimals that are read as the same float32
    return ProbeSample(rows=written.tolist(), values=probabilities(model, sample_rows).tolist())


def _graph(model: Any, rows: Floats, tolerance: float) -> tuple[bytes | None, Parity | None, str | None]:
    """Return the graph, how equal it was found, and why there is none if there is none."""
    if has_categories(model):
        return None, None, "its trees ask for categories, which no graph can hold: sklearn serves"
    options = {"zipmap": False}
    graph = to_onnx(float32_copy(model), rows[:1], options=options, name="tip-ranker").SerializeToString()
    probe_rows = np.vstack([rows, _random_like(rows), threshold_rows(model, rows)])
    max_difference = float(np.abs(_graph_values(graph, probe_rows) - probabilities(model, probe_rows)).max())
    parity = Parity(rows=len(probe_rows), max_difference=max_difference, tolerance=tolerance)
    if not max_difference <= tolerance:
        return None, parity, f"ONNX differs by {max_difference:.2g}, more than {tolerance:g}: sklearn serves"
    return graph, parity, None


def _graph_values(graph: bytes, rows: Floats) -> NDArray[np.float64]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    _, outputs = session.run(None, {session.get_inputs()[0].name: rows})
    return np.asarray(outputs[:, 1], dtype=np.float64)


def _random_like(rows: Floats) -> Floats:
    """Return as many rows again, each feature drawn between its extremes: corners that the data did not visit."""
    draw = np.random.default_rng(0)
    return draw.uniform(np.nanmin(rows, axis=0), np.nanmax(rows, axis=0), rows.shape).astype(np.float32)


def _canonical(dumped: bytes) -> bytes:
    """Return a skops file without what differs between two dumps of one model: memory addresses and the clock."""
    source = zipfile.ZipFile(io.BytesIO(dumped))
    schema = source.read("schema.json").decode()
    addresses = dict.fromkeys(re.findall(r'"__id__": (\d+)', schema))
    number = {address: str(index) for index, address in enumerate(addresses)}

    def renamed(text: str) -> str:
        return re.sub(r"\d{9,}", lambda match: number.get(match[0], match[0]), text)

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=renamed):
            data = json.dumps(json.loads(renamed(schema))).encode() if name == "schema.json" else source.read(name)
            target.writestr(zipfile.ZipInfo(renamed(name), ZIP_EPOCH), data)
    return out.getvalue()
