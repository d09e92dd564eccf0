"""Contexts of linear policies: every row of a feature set on one scale."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import RANKER_V1
from oo_features.scaling import scale_row

rows = st.tuples(*(st.floats(-1e6, 1e6) for _ in RANKER_V1.features))


@given(rows)
def test_whatever_a_row_holds_its_context_is_between_0_and_1(row):
    assert all(0 <= value <= 1 for value in scale_row(RANKER_V1, row))


@given(rows, st.integers(0, len(RANKER_V1.features) - 1), st.floats(0, 1e6))
def test_more_is_never_less(row, place, more):
    higher = tuple(value + more * (at == place) for at, value in enumerate(row))

    assert scale_row(RANKER_V1, higher)[place] >= scale_row(RANKER_V1, row)[place]


def test_bounds_are_the_ends_of_the_scale():
    low = scale_row(RANKER_V1, [item.low for item in RANKER_V1.features])
    high = scale_row(RANKER_V1, [item.high if math.isfinite(item.high) else 1e12 for item in RANKER_V1.features])

    assert low == (0.0,) * len(low)
    assert high == pytest.approx((1.0,) * len(high))


def test_a_feature_without_a_lower_bound_has_no_scale():
    unbounded = FeatureSet("odd", (replace(RANKER_V1.context[0], low=-math.inf),))

    with pytest.raises(ValueError, match="hour_of_day"):
        scale_row(unbounded, [3.0])


@pytest.mark.parametrize("width", [0, 1, len(RANKER_V1.names) - 1, len(RANKER_V1.names) + 1])
def test_a_row_of_another_width_has_no_scale(width):
    with pytest.raises(ValueError, match="have no scale"):
        scale_row(RANKER_V1, [1.0] * width)
