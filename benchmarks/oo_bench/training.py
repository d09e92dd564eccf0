"""Rows a second that a training takes in, from the effect store to an evaluated export.

The rows are the rounds of a simulated world, which the stack's consumers have written. Publishing to the registry is
left out: it takes the same time for any number of rows. As a program, `python -P -m oo_bench.training STORE_URL` prints
the rate of one training.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from oo_consumers.effect_store import Store
from oo_features.feature_sets import RANKER_V1
from oo_local.layout import Layout
from oo_local.process_environment import process_environment
from oo_pipelines.training.dataset import Dataset, gather
from oo_pipelines.training.model_evaluation import evaluate_model
from oo_pipelines.training.ranker_training import export_ranker, fit_ranker, probabilities

from oo_bench.processes import ProcessEnded

__all__ = ["measure_training", "train"]

ROOT = Path(__file__).parents[1]
USERS = 250  # as `oo-ml up` simulates before its first training
MIN_ROUNDS, TRAIN_SHARE, SEED = 50, 0.75, 1


def measure_training(layout: Layout, trainings: int, days: int) -> list[float]:
    """Simulate a world into the stores of a stack, and return the rows a second of some trainings on it.

    Raises:
        ProcessEnded: a simulation or a training failed.
    """
    simulate = ["-m", "oo_pipelines", "simulate", "--days", str(days), "--users", str(USERS)]
    _run(layout, simulate)
    return [float(_run(layout, ["-m", "oo_bench.training", layout.store_url])) for _ in range(trainings)]


def _run(layout: Layout, words: list[str]) -> str:
    variables = {"OO_PIPELINE_NATS_URL": layout.nats_url, "OO_PIPELINE_STORE_URL": layout.store_url}
    environ = process_environment(**variables, PYTHONPATH=str(ROOT))
    done = subprocess.run(  # noqa: S603  # ours
        [sys.executable, "-P", *words], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ProcessEnded(f"{' '.join(words)} failed:\n{done.stderr[-2_000:]}")
    return done.stdout


def train(store_url: str) -> tuple[int, float]:
    """Train on the closed rounds of a store; return how many they are, and the seconds that it took."""
    began = perf_counter()
    data = _read(store_url)
    training, held_out = data.split(TRAIN_SHARE)
    model = fit_ranker(training, SEED)
    export_ranker(model, RANKER_V1, data.rows)
    evaluate_model(held_out, probabilities(model, held_out.rows), _greedy(model, held_out), SEED)
    return len(data), perf_counter() - began


def _read(store_url: str) -> Dataset:
    store = Store.open(store_url)
    try:
        return gather(store.rounds(datetime.now(UTC)), RANKER_V1.ref, MIN_ROUNDS)
    finally:
        store.close()


def _greedy(model: Any, data: Dataset) -> NDArray[np.float64]:
    """Return 1 where the candidate that the model values most was the chosen one, else 0 (rounds,)."""
    ends = np.cumsum([len(rows) for rows in data.candidates])
    values = np.split(probabilities(model, np.concatenate(data.candidates)), ends[:-1])
    best = np.array([int(np.argmax(part)) for part in values])
    return np.asarray(best == data.chosen, dtype=np.float64)


if __name__ == "__main__":
    rows, seconds = train(sys.argv[1])
    print(rows / seconds)
