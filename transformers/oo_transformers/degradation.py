"""This module names what may go wrong between a call and its answer. None of these reaches the caller as an error.

Degradation                        the answer goes on without the part that failed, and says so
├── PredictorUnavailable           "predictor": no answer in time, a refused connection, a 5xx, or a value not finite
│   └── FeatureSetMismatch         "features": the model was trained on another feature set
└── LanguageModelUnavailable       "unavailable": it could not be reached, or answered with an error
    └── LanguageModelTimeout       "timeout": it did not answer before the deadline
"""

from __future__ import annotations

from typing import ClassVar

from oo_contracts.generate import FallbackReason
from oo_contracts.score import Degraded

__all__ = [
    "Degradation",
    "FeatureSetMismatch",
    "LanguageModelTimeout",
    "LanguageModelUnavailable",
    "PredictorUnavailable",
]


class Degradation(Exception):
    """The base of the failures that degrade an answer instead of failing the call."""


class PredictorUnavailable(Degradation):
    """The predictor gave no usable values in time; the baseline is shown."""

    reason: ClassVar[Degraded] = "predictor"


class FeatureSetMismatch(PredictorUnavailable):
    """The predictor's model was trained on another feature set; the baseline is shown."""

    reason: ClassVar[Degraded] = "features"


class LanguageModelUnavailable(Degradation):
    """The language model could not be reached, or answered with an error; the template writes the tip."""

    reason: ClassVar[FallbackReason] = "unavailable"


class LanguageModelTimeout(LanguageModelUnavailable):
    """The language model did not answer before the deadline; the template writes the tip."""

    reason: ClassVar[FallbackReason] = "timeout"
