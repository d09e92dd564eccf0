"""What a model is worth on rounds it has not seen, each number with an interval over users.

Rounds of one user are not independent, so the bootstrap draws users, not rounds (Cameron, Gelbach and Miller 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from oo_model_cards.card import Bin, Calibration, Estimate, Metric, Slice
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from oo_pipelines.dataset import Dataset

__all__ = ["Judgement", "judge"]

DRAWS = 200  # bootstrap samples
BINS = 8  # of the reliability table
ENOUGH = 50  # rounds below which a slice says nothing
Numbers = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The machine's part of a card."""

    metrics: tuple[Metric, ...]
    slices: tuple[Slice, ...]
    calibration: Calibration


def judge(data: Dataset, chance: Numbers, greedy: Numbers, seed: int) -> Judgement:
    """`chance` is the model's value of each chosen row; `greedy` is 1 where the model's best candidate was chosen."""
    draws = list(_resampled(data.user, seed))
    measured = {
        "auc": lambda at: float(roc_auc_score(data.label[at], chance[at])),
        "log_loss": lambda at: float(log_loss(data.label[at], chance[at], labels=[0, 1])),
        "log_loss_of_a_constant": lambda at: _constant_loss(data.label[at]),
        "brier": lambda at: float(brier_score_loss(data.label[at], chance[at])),
        "reward_logged": lambda at: float(data.reward[at].mean()),
        "reward_greedy_snips": lambda at: _snips(data.reward[at], greedy[at] / data.propensity[at]),
    }
    metrics = tuple(
        Metric(name=name, estimate=_estimate(of, draws, len(data)), n=len(data)) for name, of in measured.items()
    )
    ece = _estimate(lambda at: _ece(data.label[at], chance[at]), draws, len(data))
    calibration = Calibration(ece=ece, bins=tuple(_bins(data.label, chance)))
    return Judgement(metrics, tuple(_slices(data, chance, seed)), calibration)


def _slices(data: Dataset, chance: Numbers, seed: int) -> Iterator[Slice]:
    open_tasks = np.array([len(rows) for rows in data.candidates])
    groups = {
        "timezone_region": np.array([zone.split("/")[0] for zone in data.zone]),
        "task_volume": np.where(open_tasks <= 6, "short lists", "long lists"),
        "profile": np.where(data.profiled, "with profile", "without profile"),
    }
    for by, group in groups.items():
        for name in sorted(set(group)):
            at = np.flatnonzero(group == name)
            yield Slice(by=by, group=str(name), metric="auc", n=len(at), estimate=_auc_of(data, chance, at, seed))


def _auc_of(data: Dataset, chance: Numbers, at: Index, seed: int) -> Estimate | None:
    """None where there are too few rounds to say: that is not a pass."""
    if len(at) < ENOUGH or len(set(data.label[at])) < 2:
        return None
    label, part = data.label[at], chance[at]
    return _estimate(
        lambda some: float(roc_auc_score(label[some], part[some])), list(_resampled(data.user[at], seed)), len(at)
    )


def _resampled(user: NDArray[np.str_], seed: int) -> Iterator[Index]:
    """Rounds of as many users as there are, drawn with replacement."""
    names, which = np.unique(user, return_inverse=True)
    rounds = [np.flatnonzero(which == number) for number in range(len(names))]
    draw = np.random.default_rng(seed)
    for _ in range(DRAWS):
        yield np.concatenate([rounds[number] for number in draw.integers(len(names), size=len(names))])


def _estimate(of: Callable[[Index], float], draws: list[Index], count: int) -> Estimate:
    """The value over all rounds, with the 95 % percentile interval; a draw without both outcomes has no value."""
    value = of(np.arange(count))
    found = [of(at) for at in draws]
    low, high = np.nanquantile(found, (0.025, 0.975))
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def _constant_loss(label: NDArray[np.int64]) -> float:
    """The log loss of always saying the mean: what a model without features would get."""
    rate = float(np.clip(label.mean(), 1e-9, 1 - 1e-9))
    return float(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate)))


def _snips(reward: Numbers, weight: Numbers) -> float:
    """Self-normalised inverse propensity score (Swaminathan and Joachims 2015)."""
    total = float(weight.sum())
    return float((weight * reward).sum() / total) if total else float("nan")


def _bins(label: NDArray[np.int64], chance: Numbers) -> Iterator[Bin]:
    for at in np.array_split(np.argsort(chance, kind="stable"), BINS):
        yield Bin(predicted=float(chance[at].mean()), observed=float(label[at].mean()), n=len(at))


def _ece(label: NDArray[np.int64], chance: Numbers) -> float:
    """Expected calibration error over bins of equal size (Guo et al. 2017)."""
    return sum(item.n * abs(item.predicted - item.observed) for item in _bins(label, chance)) / len(label)
