"""Nothing of a model is loaded before it is checked; what is loaded gives probabilities."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import zipfile

import defective_graphs
import numpy as np
import pytest
import sklearn
import skops.io
import yaml
from example_models import FEATURE_SET, FEATURES, fitted, parts, rows
from oo_model_cards import artifact
from oo_model_cards.artifact import DigestMismatch, ModelFiles, NoManifest, UntrustedContent
from oo_model_cards.errors import NotFinite, OtherModel, OutOfRange, TooLarge, TooSlow
from oo_predictors.model_source import ModelSource, from_folder
from oo_predictors.predictor import BLOCK_ROWS
from oo_predictors.served_model import FeatureSetConflict, InvalidModelOutput, load_model
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer


class Bomb:
    """Unpickling this makes a folder."""

    def __init__(self, crater):
        self.crater = crater

    def __reduce__(self):
        return os.mkdir, (str(self.crater),)


@pytest.fixture
def folder(tmp_path, model_dir):
    return shutil.copytree(model_dir, tmp_path / "model")


def written(folder, *, dump=None, graph=None, features=FEATURES):
    artifact.write_model(
        folder, ModelFiles(dump or skops.io.dumps(fitted()), graph, FEATURE_SET, features, sklearn.__version__)
    )
    return from_folder(folder)


def test_onnx_and_sklearn_give_the_same_values(tmp_path, folder):
    asked = rows(1_000, seed=3)

    graph = load_model(from_folder(folder)).runtime.values(asked)
    trees = load_model(written(tmp_path / "other")).runtime.values(asked)

    assert np.abs(graph - trees).max() < 1e-6
    assert np.abs(graph - fitted().predict_proba(asked)[:, 1]).max() < 1e-6


def test_a_graph_is_preferred_and_sklearn_serves_without_one(tmp_path, folder):
    with_graph, without = load_model(from_folder(folder)), load_model(written(tmp_path / "other"))

    assert type(with_graph.runtime).__name__ == "OnnxRuntime"
    assert type(without.runtime).__name__ == "SklearnRuntime"


@pytest.mark.parametrize("kind", ["graph", "estimator"])
def test_a_row_s_value_has_the_same_bits_in_a_block_as_among_all(tmp_path, folder, kind):
    asked = rows(3 * BLOCK_ROWS + 1, seed=5)
    runtime = load_model(from_folder(folder) if kind == "graph" else written(tmp_path / "other")).runtime

    blocks = [runtime.values(asked[start : start + BLOCK_ROWS]) for start in range(0, len(asked), BLOCK_ROWS)]

    assert np.concatenate(blocks).tobytes() == runtime.values(asked).tobytes()


def test_the_values_are_chances_of_the_positive_class(folder):
    sure = np.zeros((2, len(FEATURES)), dtype=np.float32)
    sure[0, :2], sure[1, :2] = 3, -3

    high, low = load_model(from_folder(folder)).runtime.values(sure)

    assert high > 0.8
    assert low < 0.2


@pytest.mark.parametrize("form", ["pickle", "cloudpickle"])
def test_a_pickle_is_refused_and_never_runs(folder, tmp_path, form):
    described = yaml.safe_load((folder / "MLmodel").read_text())
    described["flavors"]["sklearn"] |= {"serialization_format": form, "pickled_model": "model.pkl"}
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    (folder / "model.pkl").write_bytes(pickle.dumps(Bomb(tmp_path / "crater")))
    artifact.write_manifest(folder, FEATURE_SET, FEATURES)

    with pytest.raises(UntrustedContent, match="only skops"):
        load_model(from_folder(folder))

    assert not (tmp_path / "crater").exists()


def test_a_pickle_that_calls_itself_skops_is_refused_and_never_runs(tmp_path):
    source = written(tmp_path / "model", dump=pickle.dumps(Bomb(tmp_path / "crater")))

    with pytest.raises(UntrustedContent):
        load_model(source)

    assert not (tmp_path / "crater").exists()


def test_a_type_outside_our_list_is_refused_even_beside_a_good_graph(folder):
    (folder / "model.skops").write_bytes(skops.io.dumps(FunctionTransformer(os.getcwd)))
    artifact.write_manifest(folder, FEATURE_SET, FEATURES)

    with pytest.raises(UntrustedContent, match="not on our list"):
        load_model(from_folder(folder))


def test_a_model_cannot_put_a_type_on_the_list_itself(folder):
    (folder / "model.skops").write_bytes(skops.io.dumps(FunctionTransformer(os.getcwd)))
    described = yaml.safe_load((folder / "MLmodel").read_text())
    described["flavors"]["sklearn"]["skops_trusted_types"] = ["posix.getcwd", "builtins.eval"]
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    artifact.write_manifest(folder, FEATURE_SET, FEATURES)

    with pytest.raises(UntrustedContent, match="not on our list"):
        load_model(from_folder(folder))


@pytest.mark.parametrize("schema", [b"", b"{}", b"[]", b'{"__loader__": "x"}', b"\xff"])
def test_rubbish_that_calls_itself_skops_is_refused(tmp_path, schema):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", schema)

    with pytest.raises(UntrustedContent):
        load_model(written(tmp_path / "model", dump=packed.getvalue()))


def test_a_tampered_file_is_refused(folder):
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"\0")

    with pytest.raises(DigestMismatch, match=r"model\.onnx was changed"):
        load_model(from_folder(folder))


def test_a_whole_resealed_folder_is_refused_by_its_pin(folder):
    source = from_folder(folder)
    shutil.rmtree(folder)
    artifact.write_model(folder, parts(feature_set="ranker-v1@ffffffffffffffff"))

    with pytest.raises(DigestMismatch, match="digest"):
        load_model(source)


def test_another_feature_set_than_expected_is_refused(folder):
    with pytest.raises(FeatureSetConflict, match=f"{FEATURE_SET}, not on ranker-v2@0"):
        load_model(from_folder(folder), "ranker-v2@0")


def test_the_expected_feature_set_is_served(folder):
    assert load_model(from_folder(folder), FEATURE_SET).feature_set == FEATURE_SET


@pytest.mark.parametrize("graph", [b"", b"no graph", pickle.dumps([1])])
def test_a_graph_that_is_none_is_refused(tmp_path, graph):
    with pytest.raises(InvalidModelOutput):
        load_model(written(tmp_path / "model", graph=graph))


@pytest.mark.parametrize("graph", [True, False])
def test_a_model_of_another_width_is_refused(tmp_path, graph):
    fewer = FEATURES[:-1]

    with pytest.raises(InvalidModelOutput):
        load_model(written(tmp_path / "model", graph=parts().onnx if graph else None, features=fewer))


def test_a_regressor_is_no_ranker(tmp_path):
    dump = skops.io.dumps(LinearRegression().fit(rows(20), rows(20)[:, 0]))

    with pytest.raises(InvalidModelOutput):
        load_model(written(tmp_path / "model", dump=dump))


@pytest.mark.parametrize(
    ("graph", "kind"),
    [
        (defective_graphs.of_another_model, OtherModel),
        (defective_graphs.nan_somewhere, NotFinite),
        (defective_graphs.out_of_range, OutOfRange),
        (defective_graphs.slow, TooSlow),
    ],
)
def test_a_graph_that_is_not_what_was_judged_is_refused(tmp_path, graph, kind):
    """Also without a sample, as whoever seals a folder by hand makes it."""
    with pytest.raises(InvalidModelOutput) as refused:
        load_model(written(tmp_path / "model", graph=graph()))

    assert type(refused.value) is kind


def test_a_bomb_is_refused_by_its_declared_size(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", bytes(20 << 20))

    with pytest.raises(TooLarge, match=r"schema\.json"):
        load_model(written(tmp_path / "model", dump=packed.getvalue()))


def test_a_folder_with_a_link_is_refused(folder, tmp_path):
    (folder / "code").symlink_to(tmp_path, target_is_directory=True)

    with pytest.raises(UntrustedContent, match="code is a link"):
        load_model(from_folder(folder))


def test_a_forest_can_be_served_too(tmp_path):
    forest = RandomForestClassifier(5, random_state=0).fit(rows(200), (rows(200)[:, 0] > 0).astype(int))
    graph = to_onnx(forest, rows(1), options={"zipmap": False}).SerializeToString()

    ranker = load_model(written(tmp_path / "model", dump=skops.io.dumps(forest), graph=graph))

    assert np.abs(ranker.runtime.values(rows(50)) - forest.predict_proba(rows(50))[:, 1]).max() < 1e-6


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(NoManifest):
        load_model(ModelSource(folder=tmp_path, version="1", digest="0" * 64))
