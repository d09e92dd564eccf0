"""What would serve is compared with what was judged, and refused by the one right reason."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from pathlib import Path

import defective_graphs
import numpy as np
import pytest
import skops.io
from example_models import FEATURE_SET, FEATURES, exported, fitted, parts, rows, sample
from oo_model_cards import artifact, inspection, runtime
from oo_model_cards.errors import DigestMismatch, InvalidModelOutput, NotFinite, OtherModel, OutOfRange, TooSlow
from oo_model_cards.inspection import inspect
from oo_model_cards.runtime import OnnxRuntime, SklearnRuntime
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

EARLIER = Path(__file__).parent / "data" / "without_sample"  # written before samples and before thresholds were rounded
WRONG = [
    (defective_graphs.of_another_model, OtherModel, "the graph is of another model"),
    (defective_graphs.nan_somewhere, NotFinite, "nan for"),
    (defective_graphs.out_of_range, OutOfRange, "no probability"),
    (defective_graphs.slow, TooSlow, "ms for 256 rows"),
]


def tried(folder, **other):
    """The folder of the good pieces with others in their place, as a predictor would try it."""
    manifest = artifact.write_model(folder, dataclasses.replace(parts(), **other))
    return inspect(folder, manifest)


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("onnx", [True, False])
def test_a_good_model_is_served(tmp_path, onnx, sampled):
    manifest = artifact.write_model(tmp_path / "model", parts(onnx=onnx, sampled=sampled))

    served = inspect(tmp_path / "model", manifest)

    assert isinstance(served, OnnxRuntime if onnx else SklearnRuntime)
    assert np.abs(served.values(rows(9)) - fitted().predict_proba(rows(9))[:, 1]).max() < 1e-6


@pytest.mark.parametrize("kind", [LogisticRegression, lambda: RandomForestClassifier(30, random_state=0)])
def test_a_good_model_of_another_kind_is_served(tmp_path, kind):
    other = kind().fit(rows(200), (rows(200)[:, 0] > 0).astype(int))

    assert tried(tmp_path / "model", skops=skops.io.dumps(other), onnx=exported(other), sample=sample(other))


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize(("graph", "kind", "told"), WRONG)
def test_a_graph_that_is_not_what_was_judged_is_refused(tmp_path, graph, kind, told, sampled):
    given = graph()
    assert np.isfinite(defective_graphs.values(given, rows(1) * 0)).all()  # that it can answer zeros is no proof

    with pytest.raises(InvalidModelOutput, match=told) as refused:
        tried(tmp_path / "model", onnx=given, sample=sample(fitted()) if sampled else None)

    assert type(refused.value) is kind


def test_a_right_graph_beside_another_estimator_is_refused(tmp_path):
    dummy = DummyClassifier(strategy="prior").fit(rows(400), (rows(400)[:, 0] > 0).astype(int))

    for given in (sample(fitted()), sample(dummy), None):
        with pytest.raises(OtherModel):
            tried(tmp_path / "model", skops=skops.io.dumps(dummy), sample=given)
        shutil.rmtree(tmp_path / "model")


def test_an_estimator_that_serves_alone_has_to_give_the_sealed_answers(tmp_path):
    other = RandomForestClassifier(5, random_state=0).fit(rows(200), (rows(200)[:, 3] > 0).astype(int))

    with pytest.raises(OtherModel, match=r"the estimator is of another model.*the sealed answer is"):
        tried(tmp_path / "model", skops=skops.io.dumps(other), onnx=None)


def test_a_graph_much_slower_than_its_estimator_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "MAX_CALL_S", float("inf"))

    with pytest.raises(TooSlow, match="times as long as the estimator; 4 are allowed"):
        tried(tmp_path / "model", onnx=defective_graphs.slow())


@pytest.mark.parametrize("onnx", [True, False])
def test_a_model_that_waits_for_its_turn_on_a_busy_machine_is_served(tmp_path, monkeypatch, onnx):
    kind = OnnxRuntime if onnx else SklearnRuntime
    computed = kind.values

    def kept_waiting(served, asked):
        time.sleep(2 * inspection.MAX_CALL_S)  # as long as others have the processor, or a quota is used up
        return computed(served, asked)

    monkeypatch.setattr(kind, "values", kept_waiting)

    assert inspect(tmp_path / "model", artifact.write_model(tmp_path / "model", parts(onnx=onnx)))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{", "no sample"),
        ('{"rows": [], "values": []}', "no sample"),
        ('{"rows": [[0, 0, 0, 0, 0, NaN]], "values": [0.5]}', "no sample"),
        ('{"rows": [[0, 0, 0, 0, 0, 0]], "values": [1.5]}', "no sample"),
        ('{"rows": [[0, 0, 0, 0, 0, 0]], "values": [0.5, 0.5]}', "1 rows and 2 values"),
        ('{"rows": [[0, 0]], "values": [0.5]}', "another width"),
        ('{"rows": [[0, 0, 0, 0, 0, 0], [0, 0]], "values": [0.5, 0.5]}', "another width"),
        (json.dumps({"rows": [[0.0] * 6], "values": [0.987]}), "the sealed answer is 0.987"),
    ],
)
def test_a_sample_that_is_none_is_refused(tmp_path, given, told):
    artifact.write_model(tmp_path / "model", parts())
    (tmp_path / "model" / "sample.json").write_text(given)
    manifest = artifact.write_manifest(tmp_path / "model", FEATURE_SET, FEATURES)

    with pytest.raises((DigestMismatch, InvalidModelOutput), match=told):
        inspect(tmp_path / "model", manifest)


def test_a_folder_of_an_earlier_version_is_served_and_says_what_was_not_compared(caplog):
    manifest = artifact.verify_folder(EARLIER)

    served = inspect(EARLIER, manifest)

    assert served.values(rows(3)).shape == (3,)
    assert "has no sample.json: not compared at thresholds" in caplog.text


@pytest.mark.parametrize("wrote", ["0.1", None])
def test_an_estimator_of_another_scikit_learn_that_cannot_run_leaves_the_sealed_answers(
    tmp_path, monkeypatch, caplog, wrote
):
    def broken(folder):
        raise AttributeError("it moved")

    monkeypatch.setattr(runtime, "estimator", broken)
    other = {} if wrote is None else {"sklearn_version": wrote}
    if wrote is None:  # this very version wrote it: then it has to run
        with pytest.raises(InvalidModelOutput, match="its estimator cannot judge a row: AttributeError"):
            tried(tmp_path / "model", **other)
        return

    assert tried(tmp_path / "model", **other)
    assert "scikit-learn 0.1 is not compared" in caplog.text
    with pytest.raises(OtherModel, match="the sealed answer"):
        tried(tmp_path / "other", onnx=defective_graphs.of_another_model(), **other)
    with pytest.raises(InvalidModelOutput, match="cannot judge"):
        tried(tmp_path / "unsampled", sample=None, **other)
