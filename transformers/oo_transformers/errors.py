"""What may go wrong between a call and its answer. None of these reaches the caller as an error.

Degradation                   the answer goes on without the part that failed, and says so
├── PredictorUnavailable      "predictor": no answer in time, a refused connection, a 5xx, or values that are not finite
├── FeatureSetMismatch        "features": the model was trained on another feature set
├── WriterTimeout             "timeout": the language model did not answer before the deadline
└── WriterUnavailable         "unavailable": it could not be reached, or answered with an error
"""

from __future__ import annotations

from typing import ClassVar

from oo_contracts.generate import FallbackReason
from oo_contracts.score import Degraded

__all__ = ["Degradation", "FeatureSetMismatch", "PredictorUnavailable", "WriterTimeout", "WriterUnavailable"]


class Degradation(Exception):
    """Drawn above."""


class PredictorUnavailable(Degradation):
    reason: ClassVar[Degraded] = "predictor"


class FeatureSetMismatch(PredictorUnavailable):
    reason: ClassVar[Degraded] = "features"


class WriterUnavailable(Degradation):
    reason: ClassVar[FallbackReason] = "unavailable"


class WriterTimeout(WriterUnavailable):
    reason: ClassVar[FallbackReason] = "timeout"
