"""The evaluation of a model on rounds that it has not seen, each number with an interval over users.

Rounds of one user are not independent, so the bootstrap draws users, not rounds (Cameron, Gelbach and Miller 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from oo_model_cards.card_parts import Bin, Calibration, Estimate, Metric, Slice
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from oo_pipelines.training.dataset import Dataset, NotEnough

__all__ = ["ModelEvaluation", "evaluate_model"]

BOOTSTRAP_DRAWS = 200  # bootstrap samples
CALIBRATION_BINS = 8  # bins of the reliability table
MIN_ROUNDS = 50  # rounds below which a slice has no estimate
Numbers = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ModelEvaluation:
    """The measured part of a model card."""

    metrics: tuple[Metric, ...]
    slices: tuple[Slice, ...]
    calibration: Calibration


def evaluate_model(data: Dataset, probability: Numbers, greedy: Numbers, seed: int) -> ModelEvaluation:
    """Evaluate a model on some rounds.

    Args:
        data: The rounds, which the model has not seen.
        probability: The model's value of each chosen row (rounds,).
        greedy: 1 where the model's best candidate was the chosen one, else 0 (rounds,).
        seed: The seed of the bootstrap.

    Raises:
        NotEnough: a metric has no value on these rounds.
    """
    draws = list(_resampled(data.user, seed))
    statistics = {
        "auc": lambda index: float(roc_auc_score(data.label[index], probability[index])),
        "log_loss": lambda index: float(log_loss(data.label[index], probability[index], labels=[0, 1])),
        "log_loss_of_a_constant": lambda index: _constant_loss(data.label[index]),
        "brier": lambda index: float(brier_score_loss(data.label[index], probability[index])),
        "reward_logged": lambda index: float(data.reward[index].mean()),
        "reward_greedy_snips": lambda index: _snips(data.reward[index], greedy[index] / data.propensity[index]),
    }
    if not greedy.any():
        raise NotEnough(
            f"in none of the newest {len(data)} rounds was shown what the model would show; none can be judged"
        )
    metrics = tuple(
        Metric(name=name, estimate=_estimate(statistic, draws, len(data)), n=len(data))
        for name, statistic in statistics.items()
    )
    ece = _estimate(lambda index: _ece(data.label[index], probability[index]), draws, len(data))
    calibration = Calibration(ece=ece, bins=tuple(_bins(data.label, probability)))
    return ModelEvaluation(metrics, tuple(_slices(data, probability, seed)), calibration)


def _slices(data: Dataset, probability: Numbers, seed: int) -> Iterator[Slice]:
    open_tasks = np.array([len(rows) for rows in data.candidates])
    groups = {
        "timezone_region": np.array([zone.split("/")[0] for zone in data.zone]),
        "task_volume": np.where(open_tasks <= 6, "short lists", "long lists"),
        "profile": np.where(data.has_profile, "with profile", "without profile"),
    }
    for by, group in groups.items():
        for name in sorted(set(group)):
            index = np.flatnonzero(group == name)
            yield Slice(
                by=by, group=str(name), metric="auc", n=len(index), estimate=_auc_of(data, probability, index, seed)
            )


def _auc_of(data: Dataset, probability: Numbers, index: Index, seed: int) -> Estimate | None:
    """Return the AUC of some rounds; None where they are too few to say, which is not a pass."""
    if len(index) < MIN_ROUNDS or len(set(data.label[index])) < 2:
        return None
    label, scores = data.label[index], probability[index]
    return _estimate(
        lambda sampled: float(roc_auc_score(label[sampled], scores[sampled])),
        list(_resampled(data.user[index], seed)),
        len(index),
    )


def _resampled(user: NDArray[np.str_], seed: int) -> Iterator[Index]:
    """Yield rounds of as many users as there are, drawn with replacement."""
    names, which = np.unique(user, return_inverse=True)
    rounds = [np.flatnonzero(which == number) for number in range(len(names))]
    draw = np.random.default_rng(seed)
    for _ in range(BOOTSTRAP_DRAWS):
        yield np.concatenate([rounds[number] for number in draw.integers(len(names), size=len(names))])


def _estimate(statistic: Callable[[Index], float], draws: list[Index], count: int) -> Estimate:
    """Return the value over all rounds with its 95 % percentile interval; a draw without both outcomes has no value."""
    value = statistic(np.arange(count))
    resampled = [statistic(index) for index in draws]
    low, high = np.nanquantile(resampled, (0.025, 0.975))
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def _constant_loss(label: NDArray[np.int64]) -> float:
    """Return the log loss of always predicting the mean, which a model without features would get."""
    rate = float(np.clip(label.mean(), 1e-9, 1 - 1e-9))
    return float(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate)))


def _snips(reward: Numbers, weight: Numbers) -> float:
    """Return the self-normalised inverse propensity score (Swaminathan and Joachims 2015)."""
    total = float(weight.sum())
    return float((weight * reward).sum() / total) if total else float("nan")


def _bins(label: NDArray[np.int64], probability: Numbers) -> Iterator[Bin]:
    for index in np.array_split(np.argsort(probability, kind="stable"), CALIBRATION_BINS):
        yield Bin(predicted=float(probability[index].mean()), observed=float(label[index].mean()), n=len(index))


def _ece(label: NDArray[np.int64], probability: Numbers) -> float:
    """Return the expected calibration error over bins of equal size (Guo et al. 2017)."""
    return sum(item.n * abs(item.predicted - item.observed) for item in _bins(label, probability)) / len(label)
