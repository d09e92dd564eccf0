"""A reference is pinned: a restart without a registry serves what was served before."""

from __future__ import annotations

import pytest
from example_models import parts
from oo_model_cards import artifact
from oo_model_cards.artifact import DigestMismatch
from oo_model_cards.version import NotFound, RegisteredVersion, RegistryUnavailable
from oo_predictors.model_source import fetch, from_folder, from_reference


class Shelf:
    """A registry in memory that can be down; it counts what it is asked."""

    def __init__(self, folder):
        self.folder, self.champion, self.down, self.resolved, self.fetched = folder, "1", False, 0, 0
        self.models = {number: parts(feature_set=f"ranker-v1@{number * 16}") for number in ("1", "2")}

    def connect(self):
        return self

    def resolve(self, reference):
        self.resolved += 1
        if self.down:
            raise RegistryUnavailable("it is down")
        number = reference.rsplit("/")[-1] if "@" not in reference else self.champion
        if number not in self.models:
            raise NotFound(reference)
        artifact.write_model(self.folder / number, self.models[number])
        return RegisteredVersion(
            "tip-ranker", number, artifact.digest(self.folder / number), f"ranker-v1@{number * 16}", "run"
        )

    def fetch(self, version, into):
        self.fetched += 1
        if self.down:
            raise RegistryUnavailable("it is down")
        artifact.write_model(into, self.models[version.version])
        return into


CHAMPION = "mlflow://tip-ranker@champion"


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_an_alias_is_resolved_fetched_and_kept(shelf, cache):
    source = from_reference(CHAMPION, shelf.connect, cache)

    again = from_reference(CHAMPION, shelf.connect, cache)

    assert source == again
    assert (source.version, shelf.fetched) == ("1", 1)
    assert artifact.verify_folder(source.folder, source.digest)


def test_a_start_while_the_registry_is_down_serves_the_same_version(shelf, cache):
    before = from_reference(CHAMPION, shelf.connect, cache)
    shelf.champion, shelf.down = "2", True

    assert from_reference(CHAMPION, shelf.connect, cache) == before


def test_a_start_after_the_alias_moved_serves_the_new_version(shelf, cache):
    from_reference(CHAMPION, shelf.connect, cache)
    shelf.champion = "2"

    assert from_reference(CHAMPION, shelf.connect, cache).version == "2"


def test_a_numbered_version_is_not_asked_for_again(shelf, cache):
    from_reference("mlflow://tip-ranker/2", shelf.connect, cache)
    asked = shelf.resolved

    source = from_reference("mlflow://tip-ranker/2", shelf.connect, cache)

    assert (source.version, shelf.resolved) == ("2", asked)


def test_a_first_start_while_the_registry_is_down_is_refused(shelf, cache):
    shelf.down = True

    with pytest.raises(RegistryUnavailable):
        from_reference(CHAMPION, shelf.connect, cache)


def test_an_alias_that_was_taken_away_is_not_served_from_the_pin(shelf, cache):
    from_reference(CHAMPION, shelf.connect, cache)
    shelf.models.pop("1")

    with pytest.raises(NotFound):
        from_reference(CHAMPION, shelf.connect, cache)


@pytest.mark.parametrize("file", ["model.onnx", "oo.json"])
def test_a_spoilt_cache_is_fetched_again(shelf, cache, file):
    source = from_reference(CHAMPION, shelf.connect, cache)
    (source.folder / file).write_bytes(b"spoilt")

    again = from_reference(CHAMPION, shelf.connect, cache)

    assert artifact.verify_folder(again.folder, source.digest)
    assert shelf.fetched == 2


def test_a_spoilt_cache_of_a_numbered_version_is_fetched_again(shelf, cache):
    source = from_reference("mlflow://tip-ranker/1", shelf.connect, cache)
    (source.folder / "model.onnx").unlink()

    assert artifact.verify_folder(from_reference("mlflow://tip-ranker/1", shelf.connect, cache).folder, source.digest)


def test_a_spoilt_pin_is_as_good_as_none(shelf, cache):
    from_reference(CHAMPION, shelf.connect, cache)
    (pin,) = (cache / "pins").iterdir()
    pin.write_text('{"half": ')

    assert from_reference(CHAMPION, shelf.connect, cache).version == "1"


def test_a_fetched_folder_knows_its_version(shelf, tmp_path):
    fetch(CHAMPION, shelf, tmp_path / "models")

    source = from_folder(tmp_path / "models")

    assert source.version == "1"
    assert artifact.verify_folder(source.folder, source.digest)


def test_a_folder_without_a_pin_is_known_by_its_digest(model_dir):
    assert from_folder(model_dir).version == artifact.digest(model_dir)[:12]


def test_a_mounted_folder_with_a_spoilt_pin_is_refused(shelf, tmp_path):
    fetch(CHAMPION, shelf, tmp_path / "models")
    (tmp_path / "models" / artifact.PIN).write_text("{}")

    with pytest.raises(DigestMismatch, match="not a pin"):
        from_folder(tmp_path / "models")


@pytest.mark.parametrize("reference", ["tip-ranker", "s3://bucket/model", "mlflow://../../etc@x"])
def test_what_is_no_reference_asks_nobody(shelf, cache, reference):
    with pytest.raises(ValueError, match="is not like"):
        from_reference(reference, shelf.connect, cache)

    assert shelf.resolved == 0


class Neighbours:
    """Pins in memory: what the first pod of a ReplicaSet keeps is what all others find."""

    def __init__(self):
        self.pin, self.hidden = None, False

    def current(self):
        return None if self.hidden else self.pin

    def ensure(self, pin):
        self.pin = self.pin or pin
        return self.pin


def test_a_pod_made_later_fetches_what_its_neighbours_fetched(shelf, tmp_path):
    pins = Neighbours()
    first = fetch(CHAMPION, shelf, tmp_path / "pod-1", pins)
    shelf.champion = "2"

    later = fetch(CHAMPION, shelf, tmp_path / "pod-2", pins)
    rolled_out = fetch(CHAMPION, shelf, tmp_path / "pod-3", Neighbours())

    assert (first.version, later.version, rolled_out.version) == ("1", "1", "2")
    assert later.digest == first.digest


def test_of_two_pods_that_resolve_at_once_the_first_to_keep_decides(shelf, tmp_path):
    pins = Neighbours()
    fetch(CHAMPION, shelf, tmp_path / "pod-1", pins)
    shelf.champion, pins.hidden = "2", True  # the second pod looked before the first had kept its pin

    assert fetch(CHAMPION, shelf, tmp_path / "pod-2", pins).version == "1"


def test_a_pinned_version_that_changed_in_the_registry_is_refused(shelf, tmp_path):
    pins = Neighbours()
    fetch(CHAMPION, shelf, tmp_path / "pod-1", pins)
    shelf.models["1"] = parts(feature_set="ranker-v1@" + "9" * 16)

    with pytest.raises(DigestMismatch, match="tip-ranker/1 has another digest"):
        fetch(CHAMPION, shelf, tmp_path / "pod-2", pins)
