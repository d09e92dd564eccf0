"""This module computes the few distributions that intervals and tests need.

numpy has none, and SciPy is too heavy for what serves.

Sources: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.4 and 26.5; Lentz's algorithm as in Press
et al., Numerical Recipes (2007), 5.2 and 6.2 to 6.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count
from statistics import NormalDist

__all__ = ["chi2_sf", "normal_quantile", "normal_sf", "t_quantile", "t_sf"]

NORMAL = NormalDist()
TINY = 1e-300
RELATIVE_TOLERANCE = 1e-15
MAX_HALVINGS = 200


def normal_quantile(share: float) -> float:
    """Return the point below which a standard normal variable falls with probability `share`.

    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    return NORMAL.inv_cdf(share)


def normal_sf(x: float) -> float:
    """Return the probability that a standard normal variable exceeds x, accurate also far out."""
    return math.erfc(x / math.sqrt(2)) / 2


def t_sf(x: float, degrees: float) -> float:
    """Return the probability that Student's t exceeds x.

    It is computed by the incomplete beta function (Abramowitz and Stegun, 26.7.1).
    """
    square = x * x
    if square < degrees:  # the other way round, degrees / (degrees + x²) would lose the digits of a small x
        tail = (1 - _incomplete_beta(0.5, degrees / 2, square / (degrees + square))) / 2
    else:
        tail = _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + square)) / 2
    return tail if x >= 0 else 1 - tail


def t_quantile(share: float, degrees: float) -> float:
    """Return the point below which Student's t falls with probability `share`; infinite without a degree of freedom.

    >>> round(t_quantile(0.975, 10), 6)
    2.228139
    """
    if degrees <= 0:
        return math.copysign(math.inf, share - 0.5)
    if share < 0.5:
        return -t_quantile(1 - share, degrees)
    high = next(point for point in (2.0**power for power in count()) if t_sf(point, degrees) <= 1 - share)
    return _root(lambda x: t_sf(x, degrees) - (1 - share), 0.0, high)


def chi2_sf(x: float, degrees: float) -> float:
    """Return the probability that a chi-squared variable exceeds x (Abramowitz and Stegun, 26.4).

    >>> round(chi2_sf(10.828, 1), 6)
    0.001
    """
    a, half = degrees / 2, x / 2
    if half <= 0:
        return 1.0
    scale = math.exp(a * math.log(half) - half - math.lgamma(a))
    if half < a + 1:
        return 1 - scale * _series(a, half)
    return scale / _lentz(half + 1 - a, _gamma_terms(a, half))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of a falling function between `low` and `high`, by halving."""
    for _ in range(MAX_HALVINGS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def _series(a: float, x: float) -> float:
    """Return the sum over n of x^n Γ(a)/Γ(a+1+n), the series of the incomplete gamma function."""
    term = total = 1 / a
    for n in count(1):
        term *= x / (a + n)
        total += term
        if term < total * RELATIVE_TOLERANCE:
            return total
    raise AssertionError  # count() does not end


def _gamma_terms(a: float, x: float) -> Iterator[tuple[float, float]]:
    for n in count(1):
        yield -n * (n - a), x + 2 * n + 1 - a


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function.

    Its arguments are swapped where its fraction converges slowly.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(scale) / (a * _lentz(1.0, _beta_terms(a, b, x)))


def _beta_terms(a: float, b: float, x: float) -> Iterator[tuple[float, float]]:
    for m in count(0):
        if m:
            yield m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), 1.0
        yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1.0


def _lentz(first: float, terms: Iterator[tuple[float, float]]) -> float:
    """Return a continued fraction, first + a1/(b1 + a2/(b2 + …)), by Lentz's algorithm."""
    value = c = first or TINY
    d = 0.0
    for a, b in terms:
        d = 1 / ((b + a * d) or TINY)
        c = (b + a / c) or TINY
        value *= c * d
        if abs(c * d - 1) < RELATIVE_TOLERANCE:
            return value
    raise AssertionError  # no terms of ours end
