"""The trial of a model before it serves, at the gate and at each load: is it the model that was evaluated?

It computes the recorded sample rows and rows of our own. Every value has to be finite, a probability, the estimator's
(within TOLERANCE) and the recorded one, and to come in time. The first condition that fails refuses the folder.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Final

import numpy as np
import numpy.typing as npt
import sklearn
from threadpoolctl import threadpool_limits

from oo_model_cards import artifact, runtime
from oo_model_cards.artifact import Manifest, ProbeSample
from oo_model_cards.errors import InvalidModelOutput, NotFinite, OtherModel, OutOfRange, TooSlow
from oo_model_cards.runtime import OnnxRuntime, Rows, Runtime, Values

__all__ = ["MAX_CALL_S", "MAX_SLOWDOWN", "TIMED_ROWS", "TOLERANCE", "inspect"]

TOLERANCE: Final = 1e-5  # the largest difference between graph and estimator that is still the same model
TIMED_ROWS: Final = 256
MAX_CALL_S: Final = 0.02  # seconds of computing for TIMED_ROWS, of the 0.05 that a whole decision may take
MAX_SLOWDOWN: Final = 4.0  # graph against estimator, in the same run: a graph is there because it is quicker
ATTEMPTS = 9  # the quickest counts: what other programs cost it in caches is not the model's

log = logging.getLogger(__name__)


def inspect(folder: Path, manifest: Manifest) -> Runtime:
    """Load the runtime of a verified folder, try it, and return it.

    A folder of an earlier version has no sample: its graph is compared with its estimator on our own rows alone, and
    neither on rows at the trees' thresholds (where its graph may differ) nor with values of the day it was evaluated.

    Raises:
        NotFinite, OutOfRange, OtherModel, TooSlow, InvalidModelOutput: a trial fails.
        UntrustedContent, TooLarge, DigestMismatch: it is not even loaded.
    """
    served = runtime.load(folder, manifest)
    sample = artifact.read_sample(folder)
    if sample is None:
        log.warning("%s has no %s: not compared at thresholds, nor with sealed answers", folder, artifact.SAMPLE)
    rows = _rows(sample, len(manifest.features))
    values = _probabilities(served, rows)
    _compare_with_sealed("the graph" if isinstance(served, OnnxRuntime) else "the estimator", values, sample)
    reference = _estimator(folder, sample, rows) if isinstance(served, OnnxRuntime) else None
    if reference is not None:
        estimated = _probabilities(reference, rows)
        _compare_with_sealed("the estimator", estimated, sample)
        _compare("the graph", values, "the estimator", estimated)
    _refuse_slow(served, reference, rows[:TIMED_ROWS])
    return served


def _rows(sample: ProbeSample | None, width: int) -> Rows:
    """Return the sample's rows first, then our own."""
    probes = _probes(width)
    if sample is None:
        return probes
    if {len(row) for row in sample.rows} != {width}:
        raise InvalidModelOutput(f"{artifact.SAMPLE} has rows of another width than {width}")
    return np.vstack([np.array(sample.rows, dtype=np.float32), probes])


def _probes(width: int) -> Rows:
    """Return TIMED_ROWS rows of nobody, the same each time: shares, counts, and measures of every size and both
    signs."""
    draw = np.random.default_rng(0)
    shape = (TIMED_ROWS, width)
    kinds = [
        draw.random(shape),
        draw.integers(0, 12, shape).astype(np.float64),
        draw.normal(size=shape),
        draw.normal(size=shape) * 10,
        draw.normal(size=shape) * 1e3,
        draw.normal(size=shape) * 1e6,
    ]
    rows = np.choose(draw.integers(0, len(kinds), shape), kinds).astype(np.float32)
    rows[:2] = ((0.0,), (1.0,))
    rows[2::8] = draw.normal(size=(len(rows[2::8]), width))  # some of one size, for models of standardised features
    return rows


def _probabilities(served: Runtime, rows: Rows) -> Values:
    """Return one finite probability per row (rows,).

    Raises:
        InvalidModelOutput: it cannot compute the rows, or has no value for each.
        NotFinite: a value is NaN or infinite.
        OutOfRange: a value is no probability.
    """
    try:
        values = served.values(rows)
    except Exception as error:  # whatever a graph or an estimator that does not fit raises
        raise InvalidModelOutput(
            f"it cannot judge a row of {rows.shape[1]} features: {type(error).__name__}"
        ) from error
    if values.shape != (len(rows),):
        raise InvalidModelOutput("it does not give one probability per row")
    if (wrong := ~np.isfinite(values)).any():
        raise NotFinite(f"it gives {values[wrong][0]} for {wrong.sum()} of {len(rows)} rows")
    if (wrong := (values < -TOLERANCE) | (values > 1 + TOLERANCE)).any():  # a forest's sum of float32 may pass 1
        raise OutOfRange(f"it gives {values[wrong][0]:.6g}, no probability, for {wrong.sum()} of {len(rows)} rows")
    return values


def _compare_with_sealed(name: str, values: Values, sample: ProbeSample | None) -> None:
    if sample is not None:
        sealed = np.array(sample.values)
        _compare(name, values[: len(sealed)], "the sealed answer", sealed)


def _compare(name: str, values: Values, other: str, expected: npt.NDArray[np.floating]) -> None:
    difference = np.abs(values.astype(np.float64) - expected)
    worst = int(np.argmax(difference))
    if difference[worst] > TOLERANCE:
        count = int((difference > TOLERANCE).sum())
        raise OtherModel(
            f"{name} is of another model: {values[worst]:.6f} where {other} is {expected[worst]:.6f}, "
            f"and apart in {count} of {len(values)} rows"
        )


def _estimator(folder: Path, sample: ProbeSample | None, rows: Rows) -> Runtime | None:
    """Return the estimator that the graph is compared with; None if another scikit-learn wrote it that ours cannot run.

    Then the recorded values are all there is to compare with, and without those the folder is refused.
    """
    try:
        reference = runtime.estimator(folder)
        reference.values(rows[:1])
    except Exception as error:  # whatever the estimator of another version raises
        wrote = artifact.sklearn_version(folder)
        if sample is None or wrote == sklearn.__version__:
            raise InvalidModelOutput(f"its estimator cannot judge a row: {type(error).__name__}") from error
        log.warning("the estimator of scikit-learn %s is not compared: %s", wrote, type(error).__name__)
        return None
    return reference


def _refuse_slow(served: Runtime, reference: Runtime | None, rows: Rows) -> None:
    took = _quickest(lambda: served.values(rows))
    if took > MAX_CALL_S:
        raise TooSlow(f"it takes {took * 1e3:.1f} ms for {len(rows)} rows; {MAX_CALL_S * 1e3:.0f} are allowed")
    if reference is None:
        return
    reference_took = _quickest(lambda: reference.values(rows))
    if took > MAX_SLOWDOWN * reference_took:
        raise TooSlow(
            f"the graph takes {took * 1e3:.1f} ms for {len(rows)} rows, "
            f"{took / reference_took:.1f} times as long as the estimator; {MAX_SLOWDOWN:g} are allowed"
        )


def _quickest(call: Callable[[], object]) -> float:
    """Return the shortest computing time in seconds, on one thread.

    Waiting, for another thread or for its turn, tells of the machine and not of the model.
    """
    best = float("inf")
    with threadpool_limits(1):
        for _ in range(ATTEMPTS):
            start = process_time()
            call()
            best = min(best, process_time() - start)
    return best
