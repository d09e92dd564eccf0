"""The thresholds of boosted trees, and the rows that stand on them.

An estimator compares a float32 value with a float64 threshold; an ONNX graph has float32 thresholds. `x <= t` holds for
a float32 `x` exactly if it does for the largest float32 that is not above `t`. So a threshold has to be rounded down:
the nearest float32 may lie above it, and then a row whose value is that float32 goes the other way.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oo_pipelines.training.dataset import Floats

__all__ = ["float32_copy", "has_categories", "round_down", "threshold_rows"]

MAX_NODES = 10_000  # nodes whose thresholds are tried; of more nodes this many, evenly spaced
Box = dict[int, tuple[float, float]]  # feature to (above, up to): what a row must hold to reach a node


def round_down(thresholds: NDArray[np.float64]) -> Floats:
    """Return the largest float32 values that are not above the thresholds, infinite where only that is."""
    with np.errstate(over="ignore"):  # beyond float32 there is infinity
        nearest = thresholds.astype(np.float32)
        return np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def float32_copy(model: Any) -> Any:
    """Return the same boosted trees with float32 thresholds: equal answers for every float32 row."""
    copied = copy.deepcopy(model)
    for nodes in _trees(copied):
        nodes["num_threshold"] = round_down(nodes["num_threshold"])
    return copied


def has_categories(model: Any) -> bool:
    """Return whether a tree splits by categories, which the exporter would take for thresholds."""
    return any(nodes["is_categorical"].any() for nodes in _trees(model))


def threshold_rows(model: Any, rows: Floats, max_rows: int = MAX_NODES) -> Floats:
    """Return four rows for each node of a tree that reach it: at its threshold, one float32 above, one below, and
    missing.

    The result is (4 n, features). The other features are taken from `rows` (m, features), moved only as far as the path
    to the node demands. Of more than `max_rows` nodes as many are taken, evenly spaced. Without trees the result is
    empty.
    """
    nodes = [inner for tree in _trees(model) for inner in _inner_nodes(tree, 0, {})]
    selected = np.unique(np.linspace(0, len(nodes) - 1, min(len(nodes), max_rows)).astype(int)) if nodes else ()
    base = (rows[index % len(rows)] for index in selected)
    with np.errstate(over="ignore"):  # above the largest float32 there is infinity
        blocks = [_on_threshold(row, *nodes[index]) for row, index in zip(base, selected, strict=True)]
    return np.concatenate([np.empty((0, rows.shape[1]), dtype=np.float32), *blocks])


def _trees(model: Any) -> Iterator[Any]:
    """Yield the node tables of a HistGradientBoostingClassifier; none of any other estimator."""
    for iteration in getattr(model, "_predictors", ()):
        for predictor in iteration:
            yield predictor.nodes


def _inner_nodes(tree: Any, index: int, box: Box) -> Iterator[tuple[Any, Box]]:
    """Yield every node below `index` that splits by a number, with what a row must hold to get there."""
    node = tree[index]
    if node["is_leaf"]:
        return
    feature, threshold = int(node["feature_idx"]), float(node["num_threshold"])
    above, up_to = box.get(feature, (-np.inf, np.inf))
    yield node, box
    yield from _inner_nodes(tree, int(node["left"]), box | {feature: (above, min(up_to, threshold))})
    yield from _inner_nodes(tree, int(node["right"]), box | {feature: (max(above, threshold), up_to)})


def _on_threshold(row: Floats, node: Any, box: Box) -> Floats:
    reached = row.copy()
    for feature, (above, up_to) in box.items():
        least, largest = np.nextafter(_floor(above), np.float32(np.inf)), _floor(up_to)
        reached[feature] = min(max(reached[feature], least), largest)
    threshold = _floor(float(node["num_threshold"]))
    variants = np.tile(reached, (4, 1))
    low, high = np.float32(-np.inf), np.float32(np.inf)
    variants[:, int(node["feature_idx"])] = (
        np.nextafter(threshold, low),
        threshold,
        np.nextafter(threshold, high),
        np.nan,
    )
    return variants


def _floor(value: float) -> np.float32:
    return np.float32(round_down(np.array([value]))[0])
