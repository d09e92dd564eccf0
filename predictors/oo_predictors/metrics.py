"""This module defines the predictor's metrics."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

__all__ = ["REFUSED", "SECONDS"]

SECONDS = Histogram(
    "oo_predictor_seconds",
    "from a call's body to its answer's",
    ["route"],
    buckets=(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
)
REFUSED = Counter("oo_predictor_refused", "calls that got a problem instead of values", ["route", "why"])
