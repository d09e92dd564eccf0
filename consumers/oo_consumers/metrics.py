"""The Prometheus metrics of the consumers."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

__all__ = ["BELIEFS", "HANDLED", "LAG", "LAKE", "LAKE_GONE", "LAKE_LAG"]

HANDLED = Counter("oo_consumed", "messages settled", ["durable", "outcome"])
LAG = Gauge("oo_consumer_lag", "messages not yet acknowledged: pending and in flight", ["durable"])
LAKE = Counter("oo_lake_events", "events of the offline log", ["table", "outcome"])
LAKE_GONE = Counter("oo_lake_gone", "messages that the stream had deleted before they were read", ["table"])
LAKE_LAG = Gauge("oo_lake_lag", "messages not yet read into the offline log", ["table"])
BELIEFS = Gauge("oo_belief_rounds", "rounds that an experiment's beliefs are made of", ["experiment"])
