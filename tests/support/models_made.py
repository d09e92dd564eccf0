"""A small fitted model as a training run would hand it over, and a card that lacks nothing."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

import numpy as np
import sklearn
import skops.io
from oo_model_cards.artifact import Parity, Parts
from oo_model_cards.card import (
    Bin,
    Calibration,
    Estimate,
    Input,
    Metric,
    ModelCard,
    Slice,
    TrainingData,
    human,
)
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier

__all__ = ["FEATURES", "FEATURE_SET", "NOW", "card", "fitted", "parts", "rows"]

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FEATURES = tuple(f"context.f{place}" for place in range(6))
FEATURE_SET = "ranker-v1@0123456789abcdef"


def rows(count, seed=7):
    return np.random.default_rng(seed).normal(size=(count, len(FEATURES))).astype(np.float32)


@functools.cache
def fitted():
    given = rows(400)
    label = (given[:, 0] + given[:, 1] > 0).astype(int)
    return HistGradientBoostingClassifier(max_iter=12, random_state=0).fit(given, label)


def parts(*, onnx=True, feature_set=FEATURE_SET):
    graph = to_onnx(fitted(), rows(1), options={"zipmap": False}).SerializeToString() if onnx else None
    parity = Parity(rows=400, max_difference=1e-7, tolerance=1e-5)
    return Parts(skops.io.dumps(fitted()), graph, feature_set, FEATURES, sklearn.__version__, parity)


def card(**other):
    """Complete but for what publishing fills in."""
    some = Estimate(value=0.5, low=0.4, high=0.6)
    said = {
        "name": "tip-ranker",
        "human": human("tip-ranker"),
        "inputs": tuple(Input(name=name) for name in FEATURES),
        "metrics": tuple(Metric(name=name, estimate=some, n=90) for name in ("log_loss", "auc")),
        "slices": (
            Slice(by="timezone_region", group="Europe", metric="auc", n=80, estimate=some),
            Slice(by="task_volume", group="short lists", metric="auc", n=60, estimate=some),
            Slice(by="profile", group="without profile", metric="auc", n=3),
        ),
        "calibration": Calibration(ece=some, bins=(Bin(predicted=0.2, observed=0.25, n=90),)),
        "training": TrainingData(
            start=NOW - timedelta(days=7),
            end=NOW,
            rounds=300,
            users=20,
            rewarded=90,
            test_rounds=90,
            reward_version="v1",
        ),
    }
    return ModelCard(**said | other)
