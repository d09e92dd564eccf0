"""The MLflow registry: publish a version with its card, resolve a reference, fetch a verified folder, move an alias."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion

from oo_model_cards import abandoned_runs, artifact, training_run
from oo_model_cards.artifact import ModelFiles
from oo_model_cards.card import ModelCard
from oo_model_cards.card_parts import AliasMove
from oo_model_cards.fetch_space import fetch_space, refill
from oo_model_cards.mlflow_errors import translate_errors
from oo_model_cards.registration import log_training, register
from oo_model_cards.render import markdown
from oo_model_cards.training_run import Clock
from oo_model_cards.version import (
    IncompleteVersion,
    NotFound,
    Reference,
    RegisteredVersion,
    RegistryError,
    RegistryUnavailable,
    parse_reference,
)
from oo_model_cards.version_tags import (
    CARD_TAG,
    FEATURE_SET_TAG,
    next_move_tag,
    registered_version,
    tagged_card,
)

__all__ = ["IncompleteVersion", "NotFound", "RegisteredVersion", "Registry", "RegistryError", "RegistryUnavailable"]

FEATURE_SET_REF = re.compile(r"[\w.\-]+@[0-9a-f]{8,64}")


class Registry:
    """The registry of an MLflow server, over HTTP or on a `sqlite:///` tracking URI, by client calls only.

    `artifacts` is where a new experiment's files go; None leaves that to the server. Leases of runs are measured by
    `clock`. MLflow is not called before the first method. Retries and timeouts are MLflow's own variables
    (`MLFLOW_HTTP_REQUEST_*`).
    """

    def __init__(self, tracking_uri: str, *, artifacts: str | None = None, clock: Clock = training_run.now) -> None:
        self._uri = tracking_uri
        self._artifacts = artifacts
        self._clock = clock

    def publish(
        self,
        model: ModelFiles | Path,
        name: str,
        card: ModelCard,
        *,
        at: datetime,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, object] | None = None,
    ) -> RegisteredVersion:
        """Register a new version: the one call that a training run makes when it is done.

            files = ModelFiles(skops=skops.io.dumps(fitted), onnx=graph, feature_set=RANKER_V1.ref,
                               features=RANKER_V1.names, sklearn_version=sklearn.__version__, parity=parity)
            version = registry.publish(files, "tip-ranker", card, at=now, metrics={"auc": 0.7}, params={"seed": 1})

        The caller gives the files (or a folder that `artifact.write_model` or `artifact.write_manifest` finished) and
        the card's inputs, metrics, slices, calibration, training and human part. This writes the MLflow run, the
        logged model, the version with its tags, and completes the card with version, digest and feature set.
        An incomplete card is stored as it is: the version exists, but no alias will point at it.

        Raises:
            ArtifactError: the folder is not one that a predictor would load.
            ValueError: no reference could name this model.
            RegistryUnavailable: MLflow does not answer.
        """
        parse_reference(f"{name}/1")
        with tempfile.TemporaryDirectory() as space, translate_errors():
            folder = model if isinstance(model, Path) else Path(space) / "model"
            manifest = (
                artifact.write_model(folder, model) if isinstance(model, ModelFiles) else artifact.verify_folder(folder)
            )
            client = self._client()
            with training_run.open_run(client, self._experiment(client, name), name, self._clock) as run:
                log_training(run, metrics or {}, params or {})
                version = register(run, folder, manifest)
                self._store(card.published(version.version, version.digest, version.feature_set, at), version)
        return version

    def close_abandoned(self, name: str) -> Mapping[str, str]:
        """Close the runs that trainings of a model left open when they were killed, and return run ids with the
        reasons.

        What such a run registered is removed, unless an alias names it. A training that is still alive is left alone;
        `abandoned_runs` says how that is known.

        Raises:
            RegistryUnavailable: MLflow does not answer.
        """
        with translate_errors():
            client = self._client()
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                return {}
            return abandoned_runs.close_abandoned(client, experiment.experiment_id, name, self._clock)

    def resolve(self, reference: str) -> RegisteredVersion:
        """Return the version that `name@alias` points at now, or that `name/3` is.

        Raises:
            NotFound, IncompleteVersion, RegistryUnavailable: see `version`.
        """
        return registered_version(self._find(parse_reference(reference)))

    def trained_on(self, feature_set: str) -> RegisteredVersion:
        """Return the newest version of any model that was trained on a feature set, given as `name@fingerprint`.

        Raises:
            ValueError: no feature set has such a reference.
            NotFound, IncompleteVersion, RegistryUnavailable: see `version`.
        """
        if not FEATURE_SET_REF.fullmatch(feature_set):
            raise ValueError(f"{feature_set} is not like ranker-v1@0123456789abcdef")
        condition = f"tags.`{FEATURE_SET_TAG}` = '{feature_set}'"
        with translate_errors():
            versions = self._client().search_model_versions(condition, 1, ["creation_timestamp DESC"])
        if not versions:
            raise NotFound(f"no version was trained on {feature_set}")
        return registered_version(versions[0])

    def fetch(self, version: RegisteredVersion, into: Path) -> Path:
        """Download a version's folder to `into`, verify it and return it; a folder that is not there appears whole.

        Raises:
            ArtifactError: what came is not what was published.
            NotFound, RegistryUnavailable: see `version`.
        """
        into.parent.mkdir(parents=True, exist_ok=True)
        nearby = into if into.is_dir() else into.parent  # a mounted volume can be filled, not replaced
        with fetch_space(nearby) as space:
            with translate_errors():
                uri = self._client().get_model_version_download_uri(version.name, version.version)
                downloaded = Path(
                    download_artifacts(artifact_uri=uri, dst_path=f"{space}/model", tracking_uri=self._uri)
                )
            artifact.verify_folder(downloaded, version.digest)
            if into.is_dir():
                refill(into, downloaded, space)
            else:
                downloaded.rename(into)
        return into

    def inspect(self, version: RegisteredVersion) -> None:
        """Fetch a version and try it as a predictor would, then delete it.

        Raises:
            ArtifactError: no predictor would serve it.
            NotFound, RegistryUnavailable: see `version`.
        """
        from oo_model_cards import inspection  # noqa: PLC0415  # scikit-learn takes a second, and most only ask MLflow

        with tempfile.TemporaryDirectory() as space:
            folder = self.fetch(version, Path(space) / "model")
            inspection.inspect(folder, artifact.read_manifest(folder))

    def aliases(self, name: str) -> Mapping[str, str]:
        """Return version numbers by alias; empty when there is no such model yet.

        Raises:
            RegistryUnavailable: MLflow does not answer.
        """
        try:
            with translate_errors():
                versions = self._client().get_registered_model(name).aliases
                return {alias: str(number) for alias, number in versions.items()}  # a local store gives integers
        except NotFound:
            return {}

    def card(self, version: RegisteredVersion) -> ModelCard:
        """Return the card with its rollout history as it stands now.

        Raises:
            IncompleteVersion: there is no card, or it is not one.
            NotFound, RegistryUnavailable: see `version`.
        """
        return tagged_card(self._find(parse_reference(f"{version.name}/{version.version}")))

    def move(self, version: RegisteredVersion, move: AliasMove) -> None:
        """Write the move into the history of the version (and of the one it leaves), then set the alias.

        Only `gate.promote` calls this. History goes first: an alias never moves unrecorded.

        Raises:
            NotFound, RegistryUnavailable: see `version`.
        """
        for number in {move.to_version, move.from_version} - {None}:
            self._append(version.name, str(number), move)
        with translate_errors():
            self._client().set_registered_model_alias(version.name, move.alias, move.to_version)

    def _append(self, name: str, number: str, move: AliasMove) -> None:
        with translate_errors():
            model_version = self._client().get_model_version(name, number)
            self._client().set_model_version_tag(name, number, next_move_tag(model_version), move.model_dump_json())
        version = registered_version(model_version)
        self._show(self.card(version), version)

    def _client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)

    def _find(self, reference: Reference) -> ModelVersion:
        with translate_errors():
            client = self._client()
            if reference.alias is not None:
                return client.get_model_version_by_alias(reference.name, reference.alias)
            return client.get_model_version(reference.name, reference.version)

    def _experiment(self, client: MlflowClient, name: str) -> str:
        experiment = client.get_experiment_by_name(name)
        experiment_id = (
            experiment.experiment_id
            if experiment
            else client.create_experiment(name, artifact_location=self._artifacts)
        )
        return str(experiment_id)

    def _store(self, card: ModelCard, version: RegisteredVersion) -> None:
        with translate_errors():
            self._client().set_model_version_tag(version.name, version.version, CARD_TAG, card.model_dump_json())
        self._show(card, version)

    def _show(self, card: ModelCard, version: RegisteredVersion) -> None:
        """Log the card beside the run for people who look into MLflow; what is read back are the tags."""
        with translate_errors():
            self._client().log_text(version.run_id, card.model_dump_json(indent=2), "card.json")
            self._client().log_text(version.run_id, markdown(card), "card.md")
