"""Rows on one scale, for linear policies: each feature in [0, 1] by what was declared of it.

This is no feature and not part of the fingerprint; but beliefs were learned on it. Whoever changes it starts a new
experiment, for replay would find every context changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from oo_features.feature import Feature
from oo_features.feature_set import FeatureSet

__all__ = ["scaled"]

HALF = 10.0  # what is this far above the lower bound of a feature without an upper one is in the middle


def scaled(of: FeatureSet, row: Sequence[float]) -> tuple[float, ...]:
    """A served row, shape (features,), as a context of the same shape."""
    return tuple(_scaled(item, value) for item, value in zip(of.features, row, strict=True))


def _scaled(of: Feature, value: float) -> float:
    """Linear between two bounds; above a lower bound alone it rises towards 1 as x / (x + HALF)."""
    if math.isinf(of.low):
        raise ValueError(f"{of.full_name} has no lower bound, and so no scale")
    above = max(0.0, value - of.low)
    share = above / (above + HALF) if math.isinf(of.high) else above / (of.high - of.low)
    return min(1.0, share)
