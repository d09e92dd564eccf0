"""From rounds to a registered version: read, split by time, fit, export, evaluate, publish, move an alias."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from oo_consumers.effect_store import Store
from oo_contracts.reward_table import DEFAULT_REWARDS, RewardTable
from oo_decisions.round import Round
from oo_features.feature_record import record_of
from oo_features.feature_sets import RANKER_V1
from oo_model_cards import gate
from oo_model_cards.card import ModelCard
from oo_model_cards.card_parts import Input, TrainingData
from oo_model_cards.human_section import human_section
from oo_model_cards.registry import RegisteredVersion, Registry, RegistryError

from oo_pipelines.progress_bar import Progress
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.training import ranker_training
from oo_pipelines.training.dataset import Dataset, gather
from oo_pipelines.training.model_evaluation import ModelEvaluation, evaluate_model

__all__ = ["CHALLENGER", "TrainingResult", "run"]

CHALLENGER = "challenger"
TRAIN_SHARE = 0.75  # share of the rounds that train, by time; the rest evaluate
log = logging.getLogger(__name__)
STEPS = ("reading rounds", "fitting", "exporting", "evaluating", "publishing", "asking the gate")


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The result of a training; `alias` is champion for the first version, challenger for every later one."""

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
    rewards: RewardTable = DEFAULT_REWARDS,
) -> TrainingResult:
    """Train on everything that is closed, valued by a reward table, and register it.

    Runs of trainings that were killed are closed first. `backfills` are files of features that are new.

    Raises:
        NotEnough: there are too few closed rounds.
        BadBackfillInput: a file is no backfill.
        StoreError, RegistryError, PromotionRefused: the store, MLflow or the gate refused.
    """
    registry = Registry(settings.tracking_uri)
    _close_abandoned(registry, settings.model_name)
    step_numbers = iter(range(len(STEPS)))

    def step() -> None:
        index = next(step_numbers)
        progress(STEPS[index], index, len(STEPS))

    step()
    data = _read(settings, now, backfills, rewards)
    training, held_out = data.split(TRAIN_SHARE)
    step()
    model = ranker_training.fit_ranker(training, settings.seed)
    step()
    exported = ranker_training.export_ranker(model, RANKER_V1, data.rows)
    step()
    probability = ranker_training.probabilities(model, held_out.rows)
    evaluation = evaluate_model(held_out, probability, _greedy(model, held_out), settings.seed)
    step()
    card = _card(settings.model_name, evaluation, data, held_out)
    params: dict[str, object] = {**ranker_training.HYPERPARAMETERS, "seed": settings.seed, "rounds": len(data)}
    params |= {"backfills": " ".join(backfills)} if backfills else {}
    values = {item.name: item.estimate.value for item in evaluation.metrics}
    version = registry.publish(exported.files, settings.model_name, card, at=now, metrics=values, params=params)
    step()
    alias = _alias(registry, version, now)
    return _outcome(version, alias, data, evaluation, exported.onnx_refused)


def _close_abandoned(registry: Registry, name: str) -> None:
    """Close the runs that earlier trainings left open when they were killed.

    Whether MLflow answers matters only later, when the version is published; a run that another training closes at
    the same time may be gone.
    """
    try:
        registry.close_abandoned(name)
    except RegistryError as error:
        log.warning("runs that were killed stay open: %s", error)


def _read(
    settings: PipelineSettings, now: datetime, backfills: Sequence[str], rewards: RewardTable = DEFAULT_REWARDS
) -> Dataset:
    store = Store.open(settings.store_url)
    try:
        rounds = store.rounds(now, rewards)
        return gather(_with_backfills(rounds, backfills) if backfills else rounds, RANKER_V1.ref, settings.min_rounds)
    finally:
        store.close()


def _with_backfills(rounds: Iterable[Round], backfills: Sequence[str]) -> Iterable[Round]:
    from oo_pipelines.backfill.merge_backfill import merge_backfill, read_columns  # noqa: PLC0415  # nothing else here needs ibis

    return merge_backfill(rounds, RANKER_V1, read_columns(backfills, RANKER_V1))


def _greedy(model: Any, data: Dataset) -> Any:
    """Return 1 where the candidate that the model values most was the chosen one, else 0 (rounds,)."""
    values = ranker_training.probabilities(model, np.concatenate(data.candidates))
    ends = np.cumsum([len(rows) for rows in data.candidates])
    best = np.array([int(np.argmax(part)) for part in np.split(values, ends[:-1])])
    return (best == data.chosen).astype(np.float64)


def _card(name: str, evaluation: ModelEvaluation, data: Dataset, held_out: Dataset) -> ModelCard:
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
        human=human_section(name),
        inputs=tuple(Input(name=item.full_name, **record_of(item)) for item in RANKER_V1.features),
        metrics=evaluation.metrics,
        slices=evaluation.slices,
        calibration=evaluation.calibration,
        training=training,
    )


def _alias(registry: Registry, version: RegisteredVersion, now: datetime) -> str:
    """Move an alias to the version and return it.

    The first version serves at once, for there is none to compare it with; a later one is shadowed first.
    """
    first = gate.CHAMPION not in registry.aliases(version.name)
    alias = gate.CHAMPION if first else CHALLENGER
    reason = "the first version" if first else "to be mirrored beside the champion"
    gate.promote(registry, version, alias, by="oo-ml train", reason=reason, at=now)
    return alias


def _outcome(
    version: RegisteredVersion, alias: str, data: Dataset, evaluation: ModelEvaluation, onnx_refused: str | None
) -> TrainingResult:
    return TrainingResult(
        model=version.name,
        version=version.version,
        alias=alias,
        rounds=len(data),
        users=len(set(data.user)),
        set_aside=data.n_excluded,
        digest=version.digest,
        feature_set=version.feature_set,
        metrics={item.name: item.estimate.model_dump() for item in evaluation.metrics},
        onnx_refused=onnx_refused,
    )
