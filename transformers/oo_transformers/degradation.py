"""This module names what may go wrong between a call and its answer. None of these reaches the caller as an error.

Degradation                        the answer goes on without the part that failed, and says so
├── PredictorUnavailable           "predictor": a 5xx, or values that are none or not finite
│   ├── PredictorUnreachable       the same: no answer in time, or a connection that failed
│   ├── CircuitOpen                the same: nobody was asked, after too many of the last kind in a row
│   └── FeatureSetMismatch         "features": the model was trained on another feature set
└── LanguageModelUnavailable       "unavailable": it could not be reached, or answered with an error
    └── LanguageModelTimeout       "timeout": it did not answer before the deadline
"""

from __future__ import annotations

from typing import ClassVar

from oo_contracts.generate import FallbackReason
from oo_contracts.score import Degraded

__all__ = [
    "CircuitOpen",
    "Degradation",
    "FeatureSetMismatch",
    "LanguageModelTimeout",
    "LanguageModelUnavailable",
    "PredictorUnavailable",
    "PredictorUnreachable",
]


class Degradation(Exception):
    """The base of the failures that degrade an answer instead of failing the call."""


class PredictorUnavailable(Degradation):
    """The predictor gave no usable values in time; the baseline is shown."""

    reason: ClassVar[Degraded] = "predictor"


class PredictorUnreachable(PredictorUnavailable):
    """The predictor did not answer in time, or not at all; the baseline is shown."""


class CircuitOpen(PredictorUnavailable):
    """The predictor was not asked, because it did not answer others; the baseline is shown."""


class FeatureSetMismatch(PredictorUnavailable):
    """The predictor's model was trained on another feature set; the baseline is shown."""

    reason: ClassVar[Degraded] = "features"


class LanguageModelUnavailable(Degradation):
    """The language model could not be reached, or answered with an error; the template writes the tip."""

    reason: ClassVar[FallbackReason] = "unavailable"


class LanguageModelTimeout(LanguageModelUnavailable):
    """The language model did not answer before the deadline; the template writes the tip."""

    reason: ClassVar[FallbackReason] = "timeout"
