"""What the outbox counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

__all__ = ["DEPTH", "DROPPED", "PUBLISHED"]

DEPTH = Gauge("oo_outbox_depth", "events not yet acknowledged by JetStream")
PUBLISHED = Counter("oo_outbox_published", "events that JetStream acknowledged")
DROPPED = Counter("oo_outbox_dropped", "events dropped because the outbox was full")
