"""This module puts a circuit before the predictor: one that hangs costs a budget now and then, not one per call."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oo_transformers import metrics
from oo_transformers.circuit_breaker import CircuitBreaker, CircuitState
from oo_transformers.degradation import CircuitOpen, PredictorUnavailable, PredictorUnreachable
from oo_transformers.predictor_messages import Predictions
from oo_transformers.scorer import PredictorClient

__all__ = ["PredictorCircuit", "report_change"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PredictorCircuit:
    """A client of the predictor that asks another one only while the circuit admits it.

    An answer of any kind is a success to the circuit: a predictor that answers wrongly costs no waiting.
    """

    client: PredictorClient
    breaker: CircuitBreaker
    clock: Callable[[], float] = time.monotonic

    async def predict(
        self, rows: NDArray[np.float32], feature_set: str, request_id: str, headers: Mapping[bytes, bytes]
    ) -> Predictions:
        """Return one value for each row of a matrix, shape (n, d).

        Raises:
            CircuitOpen: the predictor was not asked.
            PredictorUnavailable: there are no usable values in time.
        """
        generation = self.breaker.admit(self.clock())
        if generation is None:
            raise CircuitOpen("the circuit is open")
        try:
            predictions = await self.client.predict(rows, feature_set, request_id, headers)
        except PredictorUnreachable:
            self.breaker.record_failure(generation, self.clock())
            raise
        except PredictorUnavailable:
            self.breaker.record_success(generation)
            raise
        except BaseException:  # above all CancelledError: the caller left
            self.breaker.forget(generation)
            raise
        self.breaker.record_success(generation)
        return predictions


def report_change(state: CircuitState) -> None:
    """Log a change of the circuit and count it."""
    metrics.CIRCUIT.labels(state).inc()
    log.log(logging.WARNING if state == "open" else logging.INFO, "the predictor's circuit is %s", state)
