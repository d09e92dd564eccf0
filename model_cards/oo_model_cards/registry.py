"""The MLflow registry: publish a version with its card, resolve a reference, fetch a verified folder, move an alias."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric as LoggedMetric
from mlflow.entities import Param
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from pydantic import ValidationError

from oo_model_cards import artifact
from oo_model_cards.artifact import Manifest, Parts
from oo_model_cards.card import ModelCard, Move
from oo_model_cards.render import markdown
from oo_model_cards.version import NotFound, Reference, RegistryError, Unavailable, Unpublished, Version, parse

__all__ = ["NotFound", "Registry", "RegistryError", "Unavailable", "Unpublished", "Version"]

DIGEST = "oo.digest"
FEATURE_SET = "oo.feature_set"
CARD = "oo.card"
MOVE = "oo.rollout."
FEATURE_SET_REF = re.compile(r"[\w.\-]+@[0-9a-f]{8,64}")


class Registry:
    """MLflow by client calls only; works over HTTP and on a `sqlite:///` tracking URI.

    `artifacts` is where a new experiment's files go; None leaves that to the server. Nothing is asked of MLflow
    before the first call. Retries and timeouts are MLflow's own variables (`MLFLOW_HTTP_REQUEST_*`).
    """

    def __init__(self, tracking_uri: str, *, artifacts: str | None = None) -> None:
        self._uri = tracking_uri
        self._artifacts = artifacts

    def publish(
        self,
        model: Parts | Path,
        name: str,
        card: ModelCard,
        *,
        at: datetime,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, object] | None = None,
    ) -> Version:
        """Register a new version: the one call that a training run makes when it is done.

            parts = Parts(skops=skops.io.dumps(fitted), onnx=graph, feature_set=RANKER_V1.ref,
                          features=RANKER_V1.names, sklearn_version=sklearn.__version__, parity=parity)
            version = registry.publish(parts, "tip-ranker", card, at=now, metrics={"auc": 0.7}, params={"seed": 1})

        Who writes what: the caller gives the pieces (or a folder that `artifact.write` or `artifact.seal` finished) and
        the card's inputs, metrics, slices, calibration, training and human part. This writes the MLflow run, the
        logged model, the version with its tags, and completes the card with version, digest and feature set.
        An incomplete card is stored as it is: the version exists, but no alias will point at it.

        Raises:
            ArtifactError: the folder is not one that a predictor would load.
            ValueError: no reference could name this model.
            Unavailable: MLflow does not answer.
        """
        parse(f"{name}/1")
        with tempfile.TemporaryDirectory() as space, _asking():
            folder = model if isinstance(model, Path) else Path(space) / "model"
            manifest = artifact.write(folder, model) if isinstance(model, Parts) else artifact.verify(folder)
            version = self._register(folder, manifest, name, metrics or {}, params or {})
        self._store(card.published(version.version, version.digest, version.feature_set, at), version)
        return version

    def resolve(self, reference: str) -> Version:
        """The version that `name@alias` points at now, or that `name/3` is.

        Raises:
            NotFound, Unpublished, Unavailable: see the module.
        """
        return _version(self._find(parse(reference)))

    def trained_on(self, feature_set: str) -> Version:
        """The newest version of any model that was trained on a feature set, given as `name@fingerprint`.

        Raises:
            ValueError: no feature set has such a reference.
            NotFound, Unavailable: see the module.
        """
        if not FEATURE_SET_REF.fullmatch(feature_set):
            raise ValueError(f"{feature_set} is not like ranker-v1@0123456789abcdef")
        where = f"tags.`{FEATURE_SET}` = '{feature_set}'"
        with _asking():
            found = self._client().search_model_versions(where, 1, ["creation_timestamp DESC"])
        if not found:
            raise NotFound(f"no version was trained on {feature_set}")
        return _version(found[0])

    def fetch(self, version: Version, into: Path) -> Path:
        """Download a version's folder to `into` and verify it there; a folder that is not there appears whole.

        Raises:
            ArtifactError: what came is not what was published.
            NotFound, Unavailable: see the module.
        """
        into.parent.mkdir(parents=True, exist_ok=True)
        nearby = into if into.is_dir() else into.parent  # a mounted volume can be filled, not replaced
        with tempfile.TemporaryDirectory(dir=nearby, prefix=".fetching-") as space:
            with _asking():
                uri = self._client().get_model_version_download_uri(version.name, version.version)
                got = Path(download_artifacts(artifact_uri=uri, dst_path=f"{space}/model", tracking_uri=self._uri))
            manifest = artifact.verify(got, version.digest)
            if into.is_dir():
                _refill(into, got, Path(space), {*manifest.files, *artifact.NOT_OURS})
            else:
                got.rename(into)
        return into

    def aliases(self, name: str) -> Mapping[str, str]:
        """Alias to version number; empty when there is no such model yet."""
        try:
            with _asking():
                found = self._client().get_registered_model(name).aliases
                return {alias: str(number) for alias, number in found.items()}  # a local store gives integers
        except NotFound:
            return {}

    def card(self, version: Version) -> ModelCard:
        """The card with its rollout history as it stands now.

        Raises:
            Unpublished: there is no card, or it is not one.
        """
        found = self._find(parse(f"{version.name}/{version.version}"))
        try:
            return ModelCard.model_validate_json(found.tags[CARD]).moved(*_moves(found))
        except (KeyError, ValidationError):
            raise Unpublished(f"{version.name}/{version.version} has no readable card") from None

    def move(self, version: Version, move: Move) -> None:
        """Write the move into the history of the version (and of the one it leaves), then set the alias.

        Only `gate.promote` calls this. History goes first: an alias never moves unrecorded.
        """
        for number in {move.to_version, move.from_version} - {None}:
            self._append(version.name, str(number), move)
        with _asking():
            self._client().set_registered_model_alias(version.name, move.alias, move.to_version)

    def _append(self, name: str, number: str, move: Move) -> None:
        with _asking():
            found = self._client().get_model_version(name, number)
            key = f"{MOVE}{len(_moves(found)) + 1:04d}"
            self._client().set_model_version_tag(name, number, key, move.model_dump_json())
        version = _version(found)
        self._show(self.card(version), version)

    def _client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)

    def _find(self, at: Reference) -> ModelVersion:
        with _asking():
            client = self._client()
            if at.alias is not None:
                return client.get_model_version_by_alias(at.name, at.alias)
            return client.get_model_version(at.name, at.version)

    def _register(
        self,
        folder: Path,
        manifest: Manifest,
        name: str,
        metrics: Mapping[str, float],
        params: Mapping[str, object],
    ) -> Version:
        client = self._client()
        tags = {DIGEST: artifact.digest(folder), FEATURE_SET: manifest.feature_set}
        experiment = self._experiment(client, name)
        run = client.create_run(experiment, run_name=f"train {name}").info
        with _terminated(client, run.run_id):
            _log(client, run.run_id, run.start_time, metrics, params)
            logged = client.create_logged_model(experiment, name, run.run_id, tags)
            client.log_model_artifacts(logged.model_id, str(folder))
            client.finalize_logged_model(logged.model_id, "READY")
            _ensure_model(client, name)
            # Its location, not `models:/<id>`: MLflow would look that up on the process's global tracking URI.
            where = logged.artifact_location
            made = client.create_model_version(name, where, run.run_id, tags, model_id=logged.model_id)
        return Version(name, str(made.version), tags[DIGEST], manifest.feature_set, run.run_id)

    def _experiment(self, client: MlflowClient, name: str) -> str:
        found = client.get_experiment_by_name(name)
        made = found.experiment_id if found else client.create_experiment(name, artifact_location=self._artifacts)
        return str(made)

    def _store(self, card: ModelCard, version: Version) -> None:
        with _asking():
            self._client().set_model_version_tag(version.name, version.version, CARD, card.model_dump_json())
        self._show(card, version)

    def _show(self, card: ModelCard, version: Version) -> None:
        """For people who look into MLflow: the card beside the run. The tags are what is read back."""
        with _asking():
            self._client().log_text(version.run_id, card.model_dump_json(indent=2), "card.json")
            self._client().log_text(version.run_id, markdown(card), "card.md")


def _log(
    client: MlflowClient, run_id: str, at: int, metrics: Mapping[str, float], params: Mapping[str, object]
) -> None:
    client.log_batch(
        run_id,
        metrics=[LoggedMetric(key, value, at, 0) for key, value in metrics.items()],
        params=[Param(key, str(value)) for key, value in params.items()],
    )


def _ensure_model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version(found: ModelVersion) -> Version:
    digest, feature_set = found.tags.get(DIGEST), found.tags.get(FEATURE_SET)
    if not digest or not feature_set:
        raise Unpublished(f"{found.name}/{found.version} has no digest or feature set: it was not published by oO")
    return Version(found.name, str(found.version), digest, feature_set, found.run_id or "")


def _moves(found: ModelVersion) -> tuple[Move, ...]:
    return tuple(Move.model_validate_json(text) for key, text in sorted(found.tags.items()) if key.startswith(MOVE))


def _refill(into: Path, got: Path, space: Path, ours: set[str]) -> None:
    """Move a model into a folder that is there: empty, or filled by an earlier fetch."""
    old = [path for path in into.iterdir() if path != space and path.name != "lost+found"]
    if foreign := {path.name for path in old} - ours:
        raise RegistryError(f"{into} is not an empty folder: it has {min(foreign)}")
    for path in old:
        path.unlink()
    for path in got.iterdir():
        shutil.move(path, into / path.name)


@contextmanager
def _terminated(client: MlflowClient, run_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")


@contextmanager
def _asking() -> Iterator[None]:
    """MLflow's errors as ours."""
    try:
        yield
    except MlflowException as error:
        said = error.message.splitlines()[0].removeprefix(f"{error.error_code}: ")
        # An unknown alias is an INVALID_PARAMETER_VALUE to MLflow.
        if error.error_code == "RESOURCE_DOES_NOT_EXIST" or said.endswith("not found."):
            raise NotFound(said) from error
        raise Unavailable(said) from error
    except OSError as error:  # requests' connection errors are OSErrors
        raise Unavailable(str(error)) from error
