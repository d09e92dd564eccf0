"""A model folder holds a model: no other file, no link, nothing larger than a model, sealed or not."""

from __future__ import annotations

import os
import shutil

import pytest
import yaml
from example_models import FEATURE_SET, FEATURES, parts
from oo_model_cards import artifact
from oo_model_cards.errors import DigestMismatch, TooLarge, UntrustedContent
from oo_model_cards.files import MAX_BYTES


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "model"
    artifact.write_model(folder, parts())
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "model")


def resealed(folder):
    """As whoever made it would seal it, with no look at what there is."""
    manifest = artifact.read_manifest(folder)
    names = (path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): artifact._sha256(path) for path in names}
    files = {name: digest for name, digest in files.items() if name not in artifact.NOT_OURS}
    changed = manifest.model_copy(update={"files": files})
    (folder / artifact.MANIFEST).write_text(changed.model_dump_json())
    return folder


@pytest.mark.parametrize("name", ["model.pkl", "code/evil.py", "MLmodel.old", "data/model.skops", ".hidden", "x.so"])
def test_a_sealed_file_that_is_no_part_of_a_model_is_refused(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"x")

    with pytest.raises(UntrustedContent, match=rf"{name} is no part of a model folder"):
        artifact.verify_folder(resealed(folder))


@pytest.mark.parametrize("name", ["conda.yaml", "python_env.yaml", "requirements.txt"])
def test_what_mlflow_writes_beside_a_model_is_accepted(folder, name):
    (folder / name).write_text("x")
    artifact.write_manifest(folder, FEATURE_SET, FEATURES)

    assert name in artifact.verify_folder(folder).files


@pytest.mark.parametrize("name", ["model.onnx", "sample.json", "MLmodel", "oo.json", "oo-pin.json"])
def test_a_linked_file_is_refused_wherever_it_leads(folder, tmp_path, name):
    (tmp_path / "outside").write_bytes((folder / name).read_bytes() if (folder / name).exists() else b"{}")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "outside")

    with pytest.raises(UntrustedContent, match=f"{name} is a link"):
        artifact.verify_folder(resealed(folder) if name != "oo.json" else folder)


@pytest.mark.parametrize("leads", ["outside", ".", "nowhere"])
def test_a_linked_folder_is_refused(folder, tmp_path, leads):
    (tmp_path / "outside").mkdir()
    (folder / "more").symlink_to(tmp_path / leads if leads == "outside" else leads, target_is_directory=True)

    with pytest.raises(UntrustedContent, match="more is a link"):
        artifact.verify_folder(folder)


def test_a_file_with_a_second_name_outside_is_refused(folder, tmp_path):
    os.link(folder / "model.onnx", tmp_path / "outside")

    with pytest.raises(UntrustedContent, match=r"model\.onnx is a hard link"):
        artifact.verify_folder(folder)


def test_what_is_no_file_is_refused_and_not_opened(folder):
    (folder / "sample.json").unlink()
    os.mkfifo(folder / "sample.json")

    with pytest.raises(UntrustedContent, match=r"sample\.json is no regular file"):
        artifact.verify_folder(folder)


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "models").symlink_to(folder, target_is_directory=True)

    assert artifact.verify_folder(tmp_path / "models", artifact.digest(folder))


@pytest.mark.parametrize("name", ["MLmodel", "model.skops", "model.onnx", "sample.json", "oo.json", "oo-pin.json"])
def test_a_file_larger_than_its_name_may_be_is_refused_unread(folder, name):
    with (folder / name).open("ab") as file:
        file.truncate(MAX_BYTES[name] + 1)  # a hole: it takes no space, and would take memory

    with pytest.raises(TooLarge, match=f"{name} has .* bytes; .* are allowed"):
        artifact.verify_folder(folder)


@pytest.mark.parametrize("key", ["code", "code_path", "code_paths", "model_code_path"])
@pytest.mark.parametrize("where", ["", "sklearn", "python_function"])
def test_a_description_that_brings_code_is_refused(folder, key, where):
    described = yaml.safe_load((folder / "MLmodel").read_text())
    (described["flavors"][where] if where else described)[key] = ["src"]
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    artifact.write_manifest(folder, FEATURE_SET, FEATURES)

    with pytest.raises(UntrustedContent, match=rf"brings code of its own \({key}\)"):
        artifact.verify_folder(folder)


def test_a_link_is_not_sealed_either(folder, tmp_path):
    (folder / "more").symlink_to(tmp_path)

    with pytest.raises(UntrustedContent, match="more is a link"):
        artifact.write_manifest(folder, FEATURE_SET, FEATURES)


def test_a_file_that_nobody_sealed_is_still_called_so(folder):
    (folder / "model.pkl").write_bytes(b"x")

    with pytest.raises(DigestMismatch, match=r"model\.pkl is not in the manifest"):
        artifact.verify_folder(folder)
