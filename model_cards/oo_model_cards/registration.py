"""The registration of a model folder: what a training measured goes into its run, the folder becomes a version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric as LoggedMetric
from mlflow.entities import Param
from mlflow.exceptions import MlflowException

from oo_model_cards import artifact
from oo_model_cards.artifact import Manifest
from oo_model_cards.training_run import TrainingRun
from oo_model_cards.version import RegisteredVersion
from oo_model_cards.version_tags import DIGEST_TAG, FEATURE_SET_TAG

__all__ = ["log_training", "register"]


def log_training(run: TrainingRun, metrics: Mapping[str, float], params: Mapping[str, object]) -> None:
    """Write the metrics and parameters of a training into its run."""
    run.client.log_batch(
        run.run_id,
        metrics=[LoggedMetric(key, value, run.start_time, 0) for key, value in metrics.items()],
        params=[Param(key, str(value)) for key, value in params.items()],
    )


def register(run: TrainingRun, folder: Path, manifest: Manifest) -> RegisteredVersion:
    """Upload a folder as the logged model of a run, and register it as the next version of the run's model.

    Raises:
        RegistryError: somebody closed the run meanwhile; there is no new version.
    """
    client, name = run.client, run.model
    tags = {DIGEST_TAG: artifact.digest(folder), FEATURE_SET_TAG: manifest.feature_set}
    logged = client.create_logged_model(run.experiment, name, run.run_id, tags)
    client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    _ensure_model(client, name)
    run.check()
    # Its location, not `models:/<id>`: MLflow would look that up on the process's global tracking URI.
    location = logged.artifact_location
    model_version = client.create_model_version(name, location, run.run_id, tags, model_id=logged.model_id)
    return RegisteredVersion(name, str(model_version.version), tags[DIGEST_TAG], manifest.feature_set, run.run_id)


def _ensure_model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
