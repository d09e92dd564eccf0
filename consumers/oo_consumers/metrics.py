"""What the consumers count."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

__all__ = ["HANDLED", "LAG"]

HANDLED = Counter("oo_consumed", "messages settled", ["durable", "outcome"])
LAG = Gauge("oo_consumer_lag", "messages not yet acknowledged: pending and in flight", ["durable"])
