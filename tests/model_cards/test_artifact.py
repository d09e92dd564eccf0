"""A model folder is what its digest says, or it is refused by the one right name."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest
import yaml
from example_models import FEATURE_SET, FEATURES, fitted, parts, rows
from oo_model_cards import artifact
from oo_model_cards.artifact import DigestMismatch, NoManifest, UntrustedContent


@pytest.fixture
def folder(tmp_path):
    artifact.write_model(tmp_path / "model", parts())
    return tmp_path / "model"


def resealed(folder, change):
    """The folder with another MLmodel, sealed as its maker would."""
    described = yaml.safe_load((folder / "MLmodel").read_text())
    change(described["flavors"])
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    artifact.write_manifest(folder, FEATURE_SET, FEATURES)
    return folder


def test_a_written_folder_verifies_by_its_digest(folder):
    manifest = artifact.verify_folder(folder, artifact.digest(folder))

    assert manifest.feature_set == FEATURE_SET
    assert manifest.features == FEATURES
    assert set(manifest.files) == {"MLmodel", "model.skops", "model.onnx", "sample.json"}


def test_the_same_parts_give_the_same_digest(folder, tmp_path):
    again = parts()
    artifact.write_model(tmp_path / "one", again)
    artifact.write_model(tmp_path / "two", again)

    assert artifact.digest(tmp_path / "one") == artifact.digest(tmp_path / "two")


def test_a_folder_without_a_graph_verifies_too(tmp_path):
    artifact.write_model(tmp_path / "model", parts(onnx=False))

    assert artifact.ONNX not in artifact.verify_folder(tmp_path / "model").files


def test_mlflow_itself_can_load_the_folder(folder):
    loaded = mlflow.sklearn.load_model(str(folder))

    assert np.array_equal(loaded.predict_proba(rows(5)), fitted().predict_proba(rows(5)))


@pytest.mark.parametrize("file", ["MLmodel", "model.skops", "model.onnx"])
def test_a_changed_byte_is_found_and_named(folder, file):
    known = artifact.digest(folder)
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content)

    with pytest.raises(DigestMismatch, match=f"{file} was changed"):
        artifact.verify_folder(folder, known)


@pytest.mark.parametrize("file", ["MLmodel", "model.skops", "model.onnx"])
def test_a_missing_file_is_found_and_named(folder, file):
    (folder / file).unlink()

    with pytest.raises(DigestMismatch, match=f"{file} is missing"):
        artifact.verify_folder(folder)


def test_a_file_that_nobody_sealed_is_found(folder):
    (folder / "code").mkdir()
    (folder / "code" / "evil.py").write_text("")

    with pytest.raises(DigestMismatch, match=r"code/evil\.py is not in the manifest"):
        artifact.verify_folder(folder)


def test_a_whole_other_sealed_model_has_another_digest(folder, tmp_path):
    known = artifact.digest(folder)
    artifact.write_model(tmp_path / "other", parts(feature_set="ranker-v1@ffffffffffffffff"))

    with pytest.raises(DigestMismatch, match="digest"):
        artifact.verify_folder(tmp_path / "other", known)


@pytest.mark.parametrize("content", ["", "[]", "{}", "not json", '{"format": 2}'])
def test_a_manifest_that_is_none_is_refused(folder, content):
    (folder / "oo.json").write_text(content)

    with pytest.raises(NoManifest):
        artifact.verify_folder(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NoManifest):
        artifact.digest(tmp_path / "nowhere")


def test_a_manifest_cannot_reach_outside_its_folder(folder, tmp_path):
    (tmp_path / "outside").write_text("x")
    manifest = json.loads((folder / "oo.json").read_text())
    manifest["files"]["../outside"] = "0" * 64
    (folder / "oo.json").write_text(json.dumps(manifest))

    with pytest.raises(DigestMismatch, match=r"\.\./outside is missing"):
        artifact.verify_folder(folder)


@pytest.mark.parametrize("form", ["pickle", "cloudpickle", None, "SKOPS"])
def test_any_serialisation_but_skops_is_refused(folder, form):
    resealed(folder, lambda flavours: flavours["sklearn"].update(serialization_format=form))

    with pytest.raises(UntrustedContent, match="only skops"):
        artifact.verify_folder(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda flavours: flavours.update(pytorch={}),
        lambda flavours: flavours.pop("sklearn"),
        lambda flavours: flavours["python_function"].update(loader_module="mlflow.pyfunc.model"),
        lambda flavours: flavours["python_function"].update(code="code"),
        lambda flavours: flavours["sklearn"].update(pickled_model="other.bin"),
        lambda flavours: flavours.update(sklearn="text"),
    ],
)
def test_a_flavour_that_could_run_code_is_refused(folder, change):
    resealed(folder, change)

    with pytest.raises(UntrustedContent):
        artifact.verify_folder(folder)


@pytest.mark.parametrize("text", ["", "- a", "flavors: 3", "!!python/object/apply:os.getcwd []", "\x00"])
def test_a_description_that_is_none_is_refused(folder, text):
    Path(folder / "MLmodel").write_text(text)
    artifact.write_manifest(folder, FEATURE_SET, FEATURES)

    with pytest.raises(UntrustedContent):
        artifact.verify_folder(folder)
