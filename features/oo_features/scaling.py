"""This module scales rows for linear policies: each feature becomes a number in [0, 1] by its declared bounds.

The scale is no feature and not part of the fingerprint, but beliefs are learned on it. Whoever changes it starts a new
experiment, because replay would find every context changed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oo_features.feature_set import FeatureSet

__all__ = ["scale_row", "scale_rows"]

HALF_POINT = 10.0  # without an upper bound, a value this far above the lower bound becomes 0.5


def scale_row(features: FeatureSet, row: Sequence[float]) -> tuple[float, ...]:
    """Return a served row, shape (features,), as a context of the same shape with values in [0, 1]."""
    (scaled,) = scale_rows(features, np.array([row], np.float64)).tolist()
    return tuple(scaled)


def scale_rows(features: FeatureSet, rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return served rows, shape (n, features), as contexts of the same shape with values in [0, 1].

    A value is scaled linearly between two bounds; above a lower bound alone it rises towards 1 as x / (x + HALF_POINT).

    Raises:
        ValueError: a feature has no lower bound, or the rows have another width.
    """
    if rows.shape[1] != len(features.names):
        raise ValueError(f"rows of {rows.shape[1]} features have no scale of {len(features.names)}")
    low, high = features.bounds
    if np.isinf(low).any():
        name = features.names[int(np.isinf(low).argmax())]
        raise ValueError(f"{name} has no lower bound, and so no scale")
    above = np.maximum(0.0, np.asarray(rows, np.float64) - low)
    share: NDArray[np.float64] = above / np.where(np.isinf(high), above + HALF_POINT, high - low)
    return np.minimum(1.0, share)
