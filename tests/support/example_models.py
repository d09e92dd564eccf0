"""A small fitted model as a training run would hand it over, and a card that lacks nothing."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

import numpy as np
import sklearn
import skops.io
from oo_model_cards.artifact import ModelFiles, Parity, ProbeSample
from oo_model_cards.card import ModelCard
from oo_model_cards.card_parts import Bin, Calibration, Estimate, Input, Metric, Slice, TrainingData
from oo_model_cards.human_section import human_section
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier

__all__ = ["FEATURES", "FEATURE_SET", "NOW", "card", "exported", "fitted", "parts", "rows", "sample"]

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


def exported(estimator):
    """Its graph, as the exporter makes it."""
    return to_onnx(estimator, rows(1), options={"zipmap": False}).SerializeToString()


def sample(estimator, seed=11):
    """Rows with the estimator's answers."""
    asked = rows(40, seed)
    return ProbeSample(rows=asked.tolist(), values=estimator.predict_proba(asked)[:, 1].tolist())


def parts(*, onnx=True, feature_set=FEATURE_SET, sampled=True):
    """A folder's pieces; without `sampled` as earlier versions sealed them."""
    parity = Parity(rows=400, max_difference=1e-7, tolerance=1e-5)
    return ModelFiles(
        skops.io.dumps(fitted()),
        exported(fitted()) if onnx else None,
        feature_set,
        FEATURES,
        sklearn.__version__,
        parity,
        sample(fitted()) if sampled else None,
    )


def card(**other):
    """Complete but for what publishing fills in."""
    some = Estimate(value=0.5, low=0.4, high=0.6)
    said = {
        "name": "tip-ranker",
        "human": human_section("tip-ranker"),
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
