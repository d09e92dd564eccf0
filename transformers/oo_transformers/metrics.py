"""This module defines the online edge's metrics. Labels are few and bounded: never a user, a task or a request."""

from __future__ import annotations

from collections.abc import Iterable

from oo_contracts.score import CallFallback, Fallback
from prometheus_client import Counter, Histogram

__all__ = ["CIRCUIT", "FALLBACKS", "GENERATED", "SCORED", "SECONDS", "SHED", "UNUSABLE", "count_fallbacks"]

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
SECONDS = Histogram("oo_request_seconds", "from the parsed call to the encoded reply", ["route"], buckets=BUCKETS)
SCORED = Counter("oo_scored", "answers of /score", ["model_version", "policy", "degraded"])
GENERATED = Counter("oo_generated", "answers of /generate", ["prompt_version", "fallback"])
FALLBACKS = Counter("oo_feature_fallback", "features, and fields of tasks, that fell back", ["feature", "reason"])
CIRCUIT = Counter("oo_predictor_circuit", "changes of the circuit before the predictor, by its new state", ["state"])
SHED = Counter("oo_shed", "calls that were shed because too many were in flight", ["route", "answer"])
UNUSABLE = Counter("oo_unusable", "definitions of experiments, and beliefs, that were left out", ["kind"])


def count_fallbacks(fallbacks: Iterable[Fallback]) -> None:
    """Count each fallback of an answer, also those that an entry only sums up."""
    for item in fallbacks:
        FALLBACKS.labels(item.feature, item.reason).inc(item.count if isinstance(item, CallFallback) else 1)
