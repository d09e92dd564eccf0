"""This module scales rows for linear policies: each feature becomes a number in [0, 1] by its declared bounds.

The scale is no feature and not part of the fingerprint, but beliefs are learned on it. Whoever changes it starts a new
experiment, because replay would find every context changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from oo_features.feature import Feature
from oo_features.feature_set import FeatureSet

__all__ = ["scale_row"]

HALF_POINT = 10.0  # without an upper bound, a value this far above the lower bound becomes 0.5


def scale_row(features: FeatureSet, row: Sequence[float]) -> tuple[float, ...]:
    """Return a served row, shape (features,), as a context of the same shape with values in [0, 1]."""
    return tuple(_scale(item, value) for item, value in zip(features.features, row, strict=True))


def _scale(feature: Feature, value: float) -> float:
    """Scale linearly between two bounds; above a lower bound alone rise towards 1 as x / (x + HALF_POINT)."""
    if math.isinf(feature.low):
        raise ValueError(f"{feature.full_name} has no lower bound, and so no scale")
    above = max(0.0, value - feature.low)
    share = above / (above + HALF_POINT) if math.isinf(feature.high) else above / (feature.high - feature.low)
    return min(1.0, share)
