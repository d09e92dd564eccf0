"""The graph that serves answers what the estimator answers, for rows on a threshold too."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnxruntime
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from oo_features.feature_sets import RANKER_V1
from oo_model_cards import artifact
from oo_model_cards.errors import OtherModel
from oo_model_cards.inspection import inspect
from oo_pipelines.training import ranker_training
from oo_pipelines.training.thresholds import float32_copy, round_down, threshold_rows
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

WIDTH = len(RANKER_V1.names)
FLOAT64 = st.floats(allow_nan=False, width=64)
FLOAT32 = st.floats(allow_nan=False, allow_infinity=False, width=32)


def world(seed, *, scale=1.0, decimals=2, missing=0.0, count=600):
    """Rows of values as profiles hold them, with few decimals, so that many rows share one; and labels to learn."""
    draw = np.random.default_rng(seed)
    rows = (np.round(draw.normal(size=(count, WIDTH)) * 10, decimals) * scale).astype(np.float32)
    label = (rows[:, 0] + rows[:, 1] + draw.normal(size=count) * 5 * scale > 0).astype(int)
    rows[draw.random(rows.shape) < missing] = np.nan
    return rows, label


def fitted(rows, label, **other):
    given = ranker_training.HYPERPARAMETERS | {"max_iter": 40} | other
    return HistGradientBoostingClassifier(**given, early_stopping=False, random_state=0).fit(rows, label)


def answers(graph, rows):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})[1][:, 1]


def on_thresholds(model, rows, seed=1):
    """Rows of the world with one feature on a threshold of it or on a float32 beside it, found without our own code."""
    nodes = np.concatenate([trees[0].nodes for trees in model._predictors])
    asked = nodes[nodes["is_leaf"] == 0]
    nearest = asked["num_threshold"].astype(np.float32)
    beside = [nearest, np.nextafter(nearest, np.float32(np.inf)), np.nextafter(nearest, np.float32(-np.inf))]
    found = rows[np.random.default_rng(seed).integers(0, len(rows), 3 * len(asked))]
    found[np.arange(len(found)), np.tile(asked["feature_idx"], 3)] = np.concatenate(beside)
    return found[np.isfinite(found).all(axis=1)]


def apart(model, graph, rows):
    return np.abs(answers(graph, rows) - model.predict_proba(rows)[:, 1]).max()


def nearest_graph(model, rows):
    """What the exporter makes of float64 thresholds when nobody rounds them before."""
    return to_onnx(model, rows[:1], options={"zipmap": False}).SerializeToString()


def test_a_value_on_a_threshold_is_served_as_it_was_judged():
    """9.35 is no float32, and the float32 nearest to it is above."""
    rows = np.zeros((400, WIDTH), dtype=np.float32)
    rows[200:, 0] = np.nextafter(np.float32(9.35), np.float32(np.inf))
    rows[:200, 0] = np.float32(9.35)
    model = fitted(rows, (np.arange(400) >= 200).astype(int))
    for trees in model._predictors:
        trees[0].nodes["num_threshold"][trees[0].nodes["is_leaf"] == 0] = np.nextafter(np.float64(np.float32(9.35)), 0)

    exported = ranker_training.export_ranker(model, RANKER_V1, rows)

    assert apart(model, nearest_graph(model, rows), rows) > 0.05
    assert apart(model, exported.files.onnx, rows) < 1e-6
    assert exported.files.parity.max_difference < 1e-6


@pytest.mark.long
@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
def test_the_graph_equals_the_estimator_on_every_threshold_and_beside_it(decimals):
    rows, label = world(3, decimals=decimals)
    model = fitted(rows, label, max_iter=120)

    exported = ranker_training.export_ranker(model, RANKER_V1, rows)
    found = max(apart(model, exported.files.onnx, on_thresholds(model, rows, seed)) for seed in range(3))

    assert exported.onnx_refused is None
    assert found <= 2 * exported.files.parity.max_difference  # what the manifest claims; sums of float32 vary a little
    assert exported.files.parity.max_difference < 1e-6


@pytest.mark.long
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # each one is a fit
@given(
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([1e-30, 1e-4, 0.1, 1.0, 1e5, 1e30]),
    decimals=st.integers(0, 4),
    missing=st.sampled_from([0.0, 0.2]),
    leaves=st.integers(2, 31),
)
def test_any_model_is_served_as_it_was_judged(seed, scale, decimals, missing, leaves):
    rows, label = world(seed, scale=scale, decimals=decimals, missing=missing)
    model = fitted(rows, label, max_leaf_nodes=leaves, max_iter=8)

    exported = ranker_training.export_ranker(model, RANKER_V1, rows)

    assert apart(model, exported.files.onnx, np.vstack([rows, on_thresholds(model, rows)])) < 1e-6


@example(threshold=-3.402823364973241e38, value=0.0)  # above the lowest float32 by less than half a step
@given(threshold=FLOAT64, value=FLOAT32)
def test_a_rounded_threshold_parts_the_same_float32_values(threshold, value):
    down = round_down(np.array([threshold]))[0]
    near = np.float32(np.clip(threshold, -3e38, 3e38))
    tried = [np.float32(value), near, *(np.nextafter(near, np.float32(to)) for to in (np.inf, -np.inf))]

    assert [float(x) <= threshold for x in tried] == [bool(x <= down) for x in tried]


@pytest.mark.parametrize("threshold", [9.35, 0.1, -0.1, 1e-60, -1e-60, 0.0, -0.0, 1e300, -1e300, np.inf])
def test_a_rounded_threshold_is_never_above(threshold):
    down = round_down(np.array([threshold]))[0]

    with np.errstate(over="ignore"):  # above the largest float32 there is infinity
        above = np.nextafter(down, np.float32(np.inf))
    assert float(down) <= threshold
    assert float(above) > threshold or threshold == np.inf


@pytest.mark.long
def test_the_parity_rows_reach_every_node_and_part_there():
    rows, label = world(5)
    model = fitted(rows, label)
    nodes = np.concatenate([trees[0].nodes for trees in model._predictors])

    found = threshold_rows(model, rows).reshape(-1, 4, WIDTH)
    parted = [len(set(model.predict_proba(four).round(9)[1:3, 1])) == 2 for four in found]

    assert len(found) == (nodes["is_leaf"] == 0).sum()
    assert np.mean(parted) > 0.99  # a row beside a threshold is judged otherwise, but where two leaves are alike
    assert np.isnan(found[:, 3]).sum() == len(found)


@pytest.mark.long
def test_a_graph_with_the_nearest_thresholds_would_be_found():
    rows, label = world(3)
    model = fitted(rows, label, max_iter=120)

    asked = threshold_rows(model, rows)

    assert apart(model, nearest_graph(model, rows), asked) > 1e-3
    assert apart(model, nearest_graph(float32_copy(model), rows), asked) < 1e-6


def test_the_estimator_itself_is_published_as_it_was_fitted():
    rows, label = world(3)
    model = fitted(rows, label)
    before = [trees[0].nodes.copy() for trees in model._predictors]

    ranker_training.export_ranker(model, RANKER_V1, rows)

    assert all(np.array_equal(old, trees[0].nodes) for old, trees in zip(before, model._predictors, strict=True))


@pytest.mark.long
def test_of_very_many_nodes_some_are_tried():
    rows, label = world(3)
    model = fitted(rows, label)

    assert threshold_rows(model, rows, 50).shape == (200, WIDTH)


def test_an_estimator_without_trees_has_no_such_rows_and_is_exported():
    rows, label = world(3)
    model = LogisticRegression(max_iter=1_000).fit(rows, label)

    assert threshold_rows(model, rows).shape == (0, WIDTH)
    assert ranker_training.export_ranker(model, RANKER_V1, rows).onnx_refused is None


def test_trees_that_ask_for_categories_are_served_by_sklearn():
    rows, label = world(3)
    rows[:, 0] = np.random.default_rng(0).integers(0, 9, len(rows))
    label = (rows[:, 0] % 2).astype(int)
    model = fitted(rows, label, categorical_features=[0])

    exported = ranker_training.export_ranker(model, RANKER_V1, rows)

    assert exported.files.onnx is None
    assert "categories" in exported.onnx_refused


def test_an_export_carries_a_sample_that_holds_thresholds_and_nobodys_row(tmp_path):
    rows, label = world(3)
    model = fitted(rows, label)

    parts = ranker_training.export_ranker(model, RANKER_V1, rows).files
    manifest = artifact.write_model(tmp_path / "model", parts)
    asked = np.array(parts.sample.rows, dtype=np.float32)
    nodes = np.concatenate([trees[0].nodes for trees in model._predictors])
    thresholds = set(round_down(nodes[nodes["is_leaf"] == 0]["num_threshold"]).tolist())

    assert inspect(tmp_path / "model", manifest)
    assert np.array_equal(model.predict_proba(asked)[:, 1], parts.sample.values)  # read back bit for bit
    assert sum(bool(thresholds & set(row)) for row in asked.tolist()) >= 64
    assert not (asked[:, None, :] == rows[None, :, :]).all(axis=2).any()


def test_a_graph_with_the_nearest_thresholds_would_be_refused_by_whoever_loads_it(tmp_path):
    rows, label = world(3)
    model = fitted(rows, label)
    nodes = model._predictors[0][0].nodes
    asked = nodes["is_leaf"] == 0
    nodes["num_threshold"][asked] = np.nextafter(nodes["num_threshold"][asked].astype(np.float32), np.float64(-np.inf))
    parts = ranker_training.export_ranker(model, RANKER_V1, rows).files

    manifest = artifact.write_model(tmp_path / "model", dataclasses.replace(parts, onnx=nearest_graph(model, rows)))

    with pytest.raises(OtherModel, match="the sealed answer is"):
        inspect(tmp_path / "model", manifest)
