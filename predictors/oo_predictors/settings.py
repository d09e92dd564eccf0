"""This module defines the predictor's settings, the `OO_PREDICTOR_…` variables."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from oo_contracts.limits import MAX_BODY_BYTES
from oo_contracts.settings import Settings
from pydantic import Field

__all__ = ["PredictorSettings"]


class PredictorSettings(Settings):
    """The settings of a deployment's predictor."""

    prefix: ClassVar[str] = "OO_PREDICTOR_"

    host: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104  # a pod; embedded gives loopback
    nats_url: str = Field("nats://127.0.0.1:4222", description="where predictions go")
    tracking_uri: str = Field("http://127.0.0.1:5000", description="MLflow, for mlflow:// references")
    feature_set: str | None = Field(None, description="the feature set that the model must have, name@fingerprint")
    cache_dir: Path = Field(Path(".oo-ml/models"), description="fetched models and what references were pinned to")
    pod_name: str | None = Field(None, description="with it `fetch` agrees with the pods of the same ReplicaSet")
    pod_namespace: str = Field("default", description="where that pod is")
    max_rows: int = Field(1_000, ge=1, description="rows in one call")
    max_body_bytes: int = Field(MAX_BODY_BYTES, ge=1_024, description="larger bodies are a 413")
    outbox_capacity: int = Field(
        10_000, ge=1, description="events kept while NATS is away; then who has most there is refused"
    )
