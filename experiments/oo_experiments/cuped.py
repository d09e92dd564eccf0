"""CUPED: what was known of users before the experiment takes its part out of the noise.

Source: Deng, Xu, Kohavi and Walker, Improving the Sensitivity of Online Controlled Experiments by Utilizing
Pre-Experiment Data (WSDM 2013), equations 3 to 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Adjusted", "adjust"]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """`variance_ratio` is what is left of the variance: 1 - ρ² where every user has a covariate."""

    value: NDArray[np.float64]
    theta: float
    variance_ratio: float


def adjust(value: ArrayLike, covariate: ArrayLike) -> Adjusted:
    """Values less what their covariates say, with the same expectation in each arm.

    Users without a covariate (NaN: they are new) keep their value. As both arms get equal shares of new users but for
    chance, that adds no bias.

    Args:
        value: shape (users,), of all arms together: one theta serves them all, or their means would shift apart.
        covariate: shape (users,), of the time before the experiment, so that no arm can have changed it.

    Raises:
        ValueError: the shapes differ.
    """
    y, x = np.asarray(value, float), np.asarray(covariate, float)
    if y.shape != x.shape:
        raise ValueError(f"covariate: one for each value, not {x.shape} for {y.shape}")
    known = np.isfinite(x)
    centred = np.where(known, x - x[known].mean(), 0.0) if known.any() else np.zeros_like(y)
    spread = float(centred @ centred)
    theta = float(centred @ y) / spread if spread else 0.0
    adjusted = y - theta * centred
    before = float(y.var()) if len(y) else 0.0
    return Adjusted(adjusted, theta, float(adjusted.var()) / before if before else 1.0)
