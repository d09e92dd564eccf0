"""From rounds to a registered version: read, split by time, fit, export, judge, publish, move an alias."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from oo_consumers.store import Store
from oo_contracts.rewards import REWARDS, RewardTable
from oo_contracts.rounds import Round
from oo_features.declared import declared
from oo_features.sets import RANKER_V1
from oo_model_cards import gate
from oo_model_cards.card import Input, ModelCard, TrainingData, human
from oo_model_cards.registry import Registry, Version

from oo_pipelines import ranker
from oo_pipelines.dataset import Dataset, gather
from oo_pipelines.evaluate import Judgement, judge
from oo_pipelines.settings import PipelineSettings

__all__ = ["CHALLENGER", "Outcome", "run"]

CHALLENGER = "challenger"
TRAINED_ON = 0.75  # of the rounds, by time; the rest judge
Progress = Callable[[str, int, int], None]
STEPS = ("reading rounds", "fitting", "exporting", "evaluating", "publishing", "asking the gate")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `alias` is champion for the first version, challenger for every later one."""

    model: str
    version: str
    alias: str
    rounds: int
    users: int
    set_aside: int
    digest: str
    feature_set: str
    metrics: dict[str, dict[str, float]]
    onnx_refused: str | None


def run(
    settings: PipelineSettings,
    now: datetime,
    progress: Progress,
    backfills: Sequence[str] = (),
    *,
    rewards: RewardTable = REWARDS,
) -> Outcome:
    """Train on everything that is closed, valued by a reward table, and register it.

    `backfills` are files of features that are new.

    Raises:
        NotEnough: too few closed rounds.
        BadInput: a file is no backfill.
        StoreError, RegistryError, Refused: the store, MLflow or the gate.
    """
    said = iter(range(len(STEPS)))

    def step() -> None:
        place = next(said)
        progress(STEPS[place], place, len(STEPS))

    step()
    data = _read(settings, now, backfills, rewards)
    taught, held_out = data.split(TRAINED_ON)
    step()
    model = ranker.fit(taught, settings.seed)
    step()
    exported = ranker.export(model, RANKER_V1, data.rows)
    step()
    chance = ranker.probabilities(model, held_out.rows)
    judged = judge(held_out, chance, _greedy(model, held_out), settings.seed)
    step()
    registry = Registry(settings.tracking_uri)
    card = _card(settings.model_name, judged, data, held_out)
    params: dict[str, object] = {**ranker.PARAMS, "seed": settings.seed, "rounds": len(data)}
    params |= {"backfills": " ".join(backfills)} if backfills else {}
    values = {item.name: item.estimate.value for item in judged.metrics}
    version = registry.publish(exported.parts, settings.model_name, card, at=now, metrics=values, params=params)
    step()
    alias = _alias(registry, version, now)
    return _outcome(version, alias, data, judged, exported.onnx_refused)


def _read(
    settings: PipelineSettings, now: datetime, backfills: Sequence[str], rewards: RewardTable = REWARDS
) -> Dataset:
    store = Store.open(settings.store_url)
    try:
        rounds = store.rounds(now, rewards)
        return gather(_widened(rounds, backfills) if backfills else rounds, RANKER_V1.ref, settings.min_rounds)
    finally:
        store.close()


def _widened(rounds: Iterable[Round], backfills: Sequence[str]) -> Iterable[Round]:
    from oo_pipelines.backfill.widened import columns, widened  # noqa: PLC0415  # nothing else here needs ibis

    return widened(rounds, RANKER_V1, columns(backfills, RANKER_V1))


def _greedy(model: Any, data: Dataset) -> Any:
    """1 where the candidate that the model values most was the one chosen, else 0."""
    values = ranker.probabilities(model, np.concatenate(data.candidates))
    ends = np.cumsum([len(rows) for rows in data.candidates])
    best = np.array([int(np.argmax(part)) for part in np.split(values, ends[:-1])])
    return (best == data.chosen).astype(np.float64)


def _card(name: str, judged: Judgement, data: Dataset, held_out: Dataset) -> ModelCard:
    training = TrainingData(
        start=data.at[0],
        end=data.at[-1],
        rounds=len(data),
        users=len(set(data.user)),
        rewarded=int(data.label.sum()),
        test_rounds=len(held_out),
        reward_version=data.reward_version,
    )
    return ModelCard(
        name=name,
        human=human(name),
        inputs=tuple(Input(name=item.full_name, **declared(item)) for item in RANKER_V1.features),
        metrics=judged.metrics,
        slices=judged.slices,
        calibration=judged.calibration,
        training=training,
    )


def _alias(registry: Registry, version: Version, now: datetime) -> str:
    """The first version serves at once, for there is none to compare it with; a later one is shadowed first."""
    first = gate.CHAMPION not in registry.aliases(version.name)
    alias = gate.CHAMPION if first else CHALLENGER
    reason = "the first version" if first else "to be mirrored beside the champion"
    gate.promote(registry, version, alias, by="oo-ml train", reason=reason, at=now)
    return alias


def _outcome(version: Version, alias: str, data: Dataset, judged: Judgement, onnx_refused: str | None) -> Outcome:
    return Outcome(
        model=version.name,
        version=version.version,
        alias=alias,
        rounds=len(data),
        users=len(set(data.user)),
        set_aside=data.set_aside,
        digest=version.digest,
        feature_set=version.feature_set,
        metrics={item.name: item.estimate.model_dump() for item in judged.metrics},
        onnx_refused=onnx_refused,
    )
