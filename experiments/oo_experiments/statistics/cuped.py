"""This module is CUPED: it uses what was known of users before an experiment to reduce the noise of its comparison.

Source: Deng, Xu, Kohavi and Walker, Improving the Sensitivity of Online Controlled Experiments by Utilizing
Pre-Experiment Data (WSDM 2013), equations 3 to 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CupedResult", "cuped_adjust"]


@dataclass(frozen=True, slots=True)
class CupedResult:
    """The adjusted values, and how much they gained.

    `variance_ratio` is the part of the variance that is left: 1 - ρ² where every user has a covariate.
    """

    value: NDArray[np.float64]
    theta: float
    variance_ratio: float


def cuped_adjust(value: ArrayLike, covariate: ArrayLike) -> CupedResult:
    """Return values less the part that their covariates explain, with the same expectation in each arm.

    Users without a covariate (NaN: they are new) keep their value. That adds no bias, since both arms have equal shares
    of new users in expectation.

    Args:
        value: shape (users,), of all arms together: one theta serves them all, or their means would shift apart.
        covariate: shape (users,), of the time before the experiment, so that no arm can have changed it.

    Raises:
        ValueError: the shapes differ.
    """
    y, x = np.asarray(value, float), np.asarray(covariate, float)
    if y.shape != x.shape:
        raise ValueError(f"covariate: one for each value, not {x.shape} for {y.shape}")
    has_covariate = np.isfinite(x)
    centred = np.where(has_covariate, x - x[has_covariate].mean(), 0.0) if has_covariate.any() else np.zeros_like(y)
    spread = float(centred @ centred)
    theta = float(centred @ y) / spread if spread else 0.0
    adjusted = y - theta * centred
    before = float(y.var()) if len(y) else 0.0
    return CupedResult(adjusted, theta, float(adjusted.var()) / before if before else 1.0)
