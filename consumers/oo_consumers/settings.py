"""The consumers' settings: `OO_CONSUMER_…` variables."""

from __future__ import annotations

from typing import ClassVar

from oo_contracts.settings import Settings
from oo_experiments.assignment.experiment import EXPERIMENTS_DIR
from pydantic import DirectoryPath, Field

__all__ = ["ConsumerSettings"]


class ConsumerSettings(Settings):
    """The settings of all consumer processes; each has a default for a local run."""

    prefix: ClassVar[str] = "OO_CONSUMER_"

    nats_url: str = Field("nats://127.0.0.1:4222", description="where the events are")
    store_url: str = Field("sqlite:///effects.db", description="SQLAlchemy URL: sqlite:///… or postgresql+psycopg://…")
    linger_ms: int = Field(50, ge=0, le=5_000, description="how long an effect may wait for others of its transaction")
    lake_url: str = Field("", description="where the offline log is written: a folder, s3://…, gs://… or az://…")
    lake_every_ms: int = Field(2_000, ge=10, description="how long an event may wait for others of its transaction")
    experiments: DirectoryPath = Field(EXPERIMENTS_DIR, description="folder of experiment files, for beliefs")
    beliefs_every_ms: int = Field(2_000, ge=10, description="at least so long between two looks at new rewards")
    host: str = Field("0.0.0.0", description="address of /healthz and /metrics")  # noqa: S104  # a pod
    http_port: int = Field(8080, ge=0, le=65_535, description="port of /healthz and /metrics")
    replicas: int = Field(1, ge=1, le=5, description="replicas of the streams, when they are made")
    ack_wait_ms: int = Field(30_000, ge=1_000, description="until what a dead process held is dealt out again")
    drain_ms: int = Field(10_000, ge=0, description="for the batch in hand, when told to stop")
