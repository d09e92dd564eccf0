"""Replay of what a store holds: decisions streamed from it, models fetched from the registry once each."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from oo_consumers.store import Logged, Store
from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_features.sets import FEATURE_SETS
from oo_model_cards.artifact import ArtifactError
from oo_model_cards.registry import NotFound, Registry, Unpublished, Version
from pydantic import ValidationError

from oo_pipelines import served
from oo_pipelines.replay import Model, Replay, Report
from oo_pipelines.settings import PipelineSettings

__all__ = ["Models", "Outcome", "Progress", "run"]

D = TypeVar("D", ScoreDecision, GenerateDecision)
EVERY = 200  # decisions between two words of progress
Progress = Callable[[str, int, int], None]


class Folders(Protocol):
    """What is asked of the registry."""

    def resolve(self, reference: str) -> Version: ...

    def fetch(self, version: Version, into: Path) -> Path: ...


@dataclass(frozen=True, slots=True)
class Models:
    """Each version is looked for once, in `took` seconds. `why` says of each that is missing what is wrong with it."""

    registry: Folders
    space: Path
    known: dict[tuple[str, str], Model | None] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)

    def __call__(self, name: str, version: str) -> Model | None:
        key, reference = (name, version), f"{name}/{version}"
        if key not in self.known:
            start = time.perf_counter()
            self.known[key] = self._found(reference)
            self.took[reference] = time.perf_counter() - start
        return self.known[key]

    def _found(self, reference: str) -> Model | None:
        """The model of a version that is published and whole; that MLflow is away is no answer, and is raised."""
        try:
            version = self.registry.resolve(reference)
            return served.load(self.registry.fetch(version, self.space / reference))
        except (NotFound, Unpublished, ArtifactError, ValueError) as error:
            self.why[reference] = str(error)
            return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report, why a model is missing, and how long it took: the decisions, and before that the models."""

    report: Report
    why_missing: dict[str, str]
    seconds: float
    loading: float

    @property
    def per_second(self) -> float:
        return self.report.decisions / self.seconds if self.seconds else 0.0


def run(settings: PipelineSettings, since: datetime | None, limit: int | None, progress: Progress) -> Outcome:
    """Replay what the store holds, oldest first.

    Raises:
        StoreError, RegistryError: the store; MLflow, when a decision names a model.
    """
    store = Store.open(settings.store_url)
    try:
        with tempfile.TemporaryDirectory() as space:
            return _run(store, Models(Registry(settings.tracking_uri), Path(space)), since, limit, progress)
    finally:
        store.close()


def _run(store: Store, models: Models, since: datetime | None, limit: int | None, progress: Progress) -> Outcome:
    replay = Replay({item.ref: item for item in FEATURE_SETS.values()}, models)
    there = store.count_decided(since)
    total = there if limit is None else min(limit, there)
    start = time.perf_counter()

    def seconds() -> float:
        return time.perf_counter() - start - sum(models.took.values())

    for done, item in enumerate(islice(store.decided(since), total), start=1):
        if (decision := _read(replay, item, ScoreDecision)) is not None:
            replay.add(decision)
        if done % EVERY == 0 or done == total:
            progress(f"{done / seconds():,.0f} rounds/s", done, total)
    took = seconds()
    for item in islice(store.written(since), limit):
        if (tip := _read(replay, item, GenerateDecision)) is not None:
            replay.add_tip(tip)
    return Outcome(replay.report, models.why, took, sum(models.took.values()))


def _read(replay: Replay, item: Logged, kind: type[D]) -> D | None:
    """The event, or None and a difference when it is none of that request."""
    try:
        found = kind.model_validate_json(item.event)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "event"
        replay.unreadable(item.request_id, f"{where}: {first['msg']}")
        return None
    if found.request_id != item.request_id:
        replay.unreadable(item.request_id, f"the event of {found.request_id}")
        return None
    return found
