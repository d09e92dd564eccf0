"""Replay of what is stored: decisions streamed from the store or the log, models fetched from the registry once
each."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from oo_consumers.effect_store import Store
from oo_consumers.lake.delta import Lake
from oo_decisions.ranking_replay import ReplayModel
from oo_features.feature_sets import FEATURE_SETS
from oo_model_cards.artifact import ArtifactError
from oo_model_cards.registry import IncompleteVersion, NotFound, RegisteredVersion, Registry

from oo_pipelines.progress_bar import Progress
from oo_pipelines.replay import model_runtime
from oo_pipelines.replay.cross_check import CrossCheck
from oo_pipelines.replay.decision_sources import DecisionSource, LogSource, StoreSource
from oo_pipelines.replay.replay import Replay, ReplayReport
from oo_pipelines.replay.replay_session import ReplaySession
from oo_pipelines.settings import PipelineSettings

__all__ = ["LogNotConfigured", "ReplayModels", "ReplayOptions", "ReplayResult", "SourceName", "replay_stored"]

SourceName = Literal["store", "log", "both"]


class LogNotConfigured(ValueError):
    """The offline log is requested, and no setting says where it is."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What to replay: from an instant on, at most `limit` decisions; without a `source`, the log too where one is
    set."""

    since: datetime | None = None
    limit: int | None = None
    source: SourceName | None = None
    allow_unsealed: bool = False


class ModelFolders(Protocol):
    """What replay asks of the registry."""

    def resolve(self, reference: str) -> RegisteredVersion:
        """Return the version that a reference names."""

    def fetch(self, version: RegisteredVersion, into: Path) -> Path:
        """Return the folder of a version, downloaded into `into`."""


@dataclass(frozen=True, slots=True)
class ReplayModels:
    """Model versions by name and version, each loaded once.

    `took` has the seconds of each, `why` the reason of each that is missing.
    """

    registry: ModelFolders
    space: Path
    known: dict[tuple[str, str], ReplayModel | None] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)

    def __call__(self, name: str, version: str) -> ReplayModel | None:
        """Return the model of a version, or None when it is missing.

        Raises:
            RegistryError: MLflow is away.
        """
        key, reference = (name, version), f"{name}/{version}"
        if key not in self.known:
            start = time.perf_counter()
            self.known[key] = self._load(reference)
            self.took[reference] = time.perf_counter() - start
        return self.known[key]

    def seconds(self) -> float:
        """Return the seconds spent on models so far."""
        return sum(self.took.values())

    def _load(self, reference: str) -> ReplayModel | None:
        """Return the model of a version that is published and whole, else None.

        That MLflow is away is no answer, and is raised.
        """
        try:
            version = self.registry.resolve(reference)
            return model_runtime.load_replay_model(self.registry.fetch(version, self.space / reference))
        except (NotFound, IncompleteVersion, ArtifactError, ValueError) as error:
            self.why[reference] = str(error)
            return None


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The report, why a model is missing, and how long it took: the decisions, and before that the models.

    `sources` are what was read: the first was replayed, the second compared with it.
    """

    report: ReplayReport
    why_missing: dict[str, str]
    seconds: float
    loading: float
    sources: tuple[str, ...]

    @property
    def per_second(self) -> float:
        """Decisions replayed in a second; 0 when it took no time."""
        return self.report.decisions / self.seconds if self.seconds else 0.0


def replay_stored(settings: PipelineSettings, options: ReplayOptions, progress: Progress) -> ReplayResult:
    """Replay what is stored, oldest first; store and log are compared with each other when both are requested.

    Raises:
        StoreError: the store refused or cannot be reached.
        LakeUnavailable: the log's storage failed.
        RegistryError: MLflow failed when a decision named a model.
        LogNotConfigured: the log is requested, and no setting says where it is.
    """
    source_name, log = _sources(settings, options.source)
    with tempfile.TemporaryDirectory() as space, contextlib.ExitStack() as exits:
        models = ReplayModels(Registry(settings.tracking_uri), Path(space))
        if source_name == "log" and log is not None:
            return _run(log, None, models, options, progress)
        store = Store.open(settings.store_url)
        exits.callback(store.close)
        return _run(StoreSource(store), log, models, options, progress)


def _sources(settings: PipelineSettings, source: SourceName | None) -> tuple[SourceName, LogSource | None]:
    """Return the name of the source, and the log unless it is not read."""
    source_name = source or ("both" if settings.lake_url else "store")
    if source_name == "store":
        return source_name, None
    if settings.lake_url is None:
        raise LogNotConfigured(f"--source {source_name}: set OO_PIPELINE_LAKE_URL to where the offline log is")
    return source_name, LogSource(Lake(settings.lake_url))


def _run(
    source: DecisionSource, log: LogSource | None, models: ReplayModels, options: ReplayOptions, progress: Progress
) -> ReplayResult:
    sets = {item.ref: item for item in FEATURE_SETS.values()}
    replay = Replay(sets, models, allow_unsealed=options.allow_unsealed)
    comparable = log if options.limit is None else None  # with a limit, all later events would seem to be missing
    cross_check = None if comparable is None else CrossCheck.for_log(comparable)
    session = ReplaySession(source, replay, options.since, options.limit, cross_check)
    start = time.perf_counter()
    session.decisions(progress, models.seconds)
    seconds = time.perf_counter() - start - models.seconds()
    session.tips()
    session.missing_rows()
    if comparable is not None:
        session.compare(comparable)
    names = (source.name,) if comparable is None else (source.name, comparable.name)
    return ReplayResult(replay.report, models.why, seconds, models.seconds(), names)
