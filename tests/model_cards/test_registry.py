"""Publish, resolve, fetch: over HTTP to a real MLflow server, and on a local SQLite file."""

from __future__ import annotations

import pytest
from example_models import FEATURE_SET, NOW, card, parts
from oo_model_cards import artifact
from oo_model_cards.registry import Registry
from oo_model_cards.version import IncompleteVersion, NotFound, RegistryError, RegistryUnavailable, parse_reference
from waiting import free_port

pytestmark = pytest.mark.real


@pytest.fixture
def published(registry, name):
    return registry.publish(parts(), name, card(name=name), at=NOW, metrics={"auc": 0.7}, params={"seed": 1})


def test_one_call_publishes_a_version_with_a_complete_card(registry, published, name):
    found = registry.card(published)

    assert registry.resolve(f"mlflow://{name}/1") == published
    assert published.feature_set == FEATURE_SET
    assert found.problems() == ()
    assert (found.name, found.version, found.digest) == (name, "1", published.digest)


def test_what_is_fetched_is_what_was_published(registry, published, tmp_path):
    got = registry.fetch(published, tmp_path / "deep" / "er")

    assert artifact.verify_folder(got, published.digest).feature_set == FEATURE_SET


def test_a_second_fetch_into_a_mounted_folder_replaces_the_first(registry, published, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    registry.fetch(published, volume)
    (volume / "model.onnx").write_bytes(b"half")

    registry.fetch(published, volume)

    assert artifact.verify_folder(volume, published.digest)
    assert not list(volume.glob(".fetching*"))


def test_what_a_killed_fetch_left_in_a_mounted_folder_is_in_nobodys_way(registry, published, tmp_path):
    volume = tmp_path / "volume"
    (volume / ".fetching-killed" / "model").mkdir(parents=True)

    registry.fetch(published, volume)

    assert artifact.verify_folder(volume, published.digest)


def test_a_version_without_a_graph_or_sample_replaces_one_with_both(registry, published, name, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    registry.fetch(published, volume)
    plain = registry.publish(parts(onnx=False, sampled=False), name, card(name=name), at=NOW)

    registry.fetch(plain, volume)

    assert set(artifact.verify_folder(volume, plain.digest).files) == {"MLmodel", "model.skops"}


def test_a_folder_with_something_else_in_it_is_left_alone(registry, published, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")

    with pytest.raises(RegistryError, match=r"thesis\.txt"):
        registry.fetch(published, home)

    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


def test_a_folder_that_a_predictor_would_refuse_is_not_published(registry, name, tmp_path):
    artifact.write_model(tmp_path / "model", parts())
    (tmp_path / "model" / "model.skops").write_bytes(b"other")

    with pytest.raises(artifact.DigestMismatch):
        registry.publish(tmp_path / "model", name, card(name=name), at=NOW)

    assert registry.aliases(name) == {}


def test_versions_count_up(registry, published, name):
    second = registry.publish(parts(), name, card(name=name), at=NOW)

    assert (published.version, second.version) == ("1", "2")


@pytest.mark.parametrize("reference", ["{}@champion", "{}/99", "never-heard-of@champion", "never-heard-of/1"])
def test_what_is_not_there_is_not_found(registry, published, name, reference):
    with pytest.raises(NotFound):
        registry.resolve(reference.format(name))


def test_a_model_that_nobody_published_has_no_aliases(registry):
    assert registry.aliases("never-heard-of") == {}


def test_a_version_that_somebody_registered_by_hand_is_refused(registry, name):
    client = registry._client()
    client.create_registered_model(name)
    run = client.create_run("0").info
    client.create_model_version(name, f"{run.artifact_uri}/model", run.run_id)

    with pytest.raises(IncompleteVersion):
        registry.resolve(f"{name}/1")


@pytest.mark.parametrize("impossible", ["a/b", "..", "a@b", ""])
def test_a_name_that_no_reference_could_say_is_not_published(registry, impossible):
    with pytest.raises(ValueError, match="is not like"):
        registry.publish(parts(), impossible, card(name=impossible), at=NOW)


def test_a_registry_that_is_down_says_so(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(RegistryUnavailable):
        Registry(f"http://127.0.0.1:{free_port()}").resolve("tip-ranker@champion")


@pytest.mark.parametrize(
    "text", ["", "tip-ranker", "mlflow://", "a@b@c", "a/b", "../../etc/1", "..@x", "a/1/2", "http://a@b"]
)
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(ValueError, match="is not like"):
        parse_reference(text)
