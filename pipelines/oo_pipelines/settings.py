"""The pipelines' settings: `OO_PIPELINE_…` variables."""

from __future__ import annotations

from typing import ClassVar

from oo_contracts.settings import Settings
from pydantic import Field

__all__ = ["PipelineSettings"]


class PipelineSettings(Settings):
    """The settings of all pipeline commands; each has a default for a local run."""

    prefix: ClassVar[str] = "OO_PIPELINE_"

    nats_url: str = Field("nats://127.0.0.1:4222", description="where simulated events go")
    store_url: str = Field("sqlite:///effects.db", description="the effect store, for rounds")
    lake_url: str | None = Field(None, description="the offline log, for replay: a folder, s3://…, gs://… or az://…")
    tracking_uri: str = Field("http://127.0.0.1:5000", description="MLflow")
    model_name: str = Field("tip-ranker", description="the registered model")
    min_rounds: int = Field(300, ge=50, description="closed rounds without which nothing is trained")
    seed: int = Field(1, description="seed of the fit and of the bootstrap")
