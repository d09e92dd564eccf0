"""Distributions, against SciPy's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_experiments.statistics.quantiles import chi2_sf, normal_quantile, normal_sf, t_quantile, t_sf
from scipy import stats

degrees = st.floats(1, 5_000)
shares = st.floats(1e-6, 1 - 1e-6)


@given(x=st.floats(0, 2_000), of=degrees)
def test_the_tail_of_chi_squared(x, of):
    assert chi2_sf(x, of) == pytest.approx(stats.chi2.sf(x, of), rel=1e-8, abs=1e-13)


@given(x=st.floats(-40, 40), of=degrees)
def test_the_tail_of_t(x, of):
    assert t_sf(x, of) == pytest.approx(stats.t.sf(x, of), rel=1e-8, abs=1e-13)


@given(share=shares, of=degrees)
def test_the_quantile_of_t(share, of):
    assert t_quantile(share, of) == pytest.approx(stats.t.ppf(share, of), rel=1e-6, abs=1e-9)


@given(share=shares)
def test_the_normal_distribution(share):
    x = normal_quantile(share)

    assert x == pytest.approx(stats.norm.ppf(share), rel=1e-9, abs=1e-9)
    assert normal_sf(x) == pytest.approx(1 - share, rel=1e-6)


def test_without_a_degree_of_freedom_nothing_is_excluded():
    assert t_quantile(0.975, 0) == math.inf
    assert t_quantile(0.025, 0) == -math.inf
