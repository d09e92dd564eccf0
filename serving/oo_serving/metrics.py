"""This module defines the outbox's metrics, and joins the metrics of two processes into one page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import REGISTRY, Counter, Gauge, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

__all__ = ["DEPTH", "DROPPED", "PUBLISHED", "exposition"]

DEPTH = Gauge("oo_outbox_depth", "events not yet acknowledged by JetStream")
PUBLISHED = Counter("oo_outbox_published", "events that JetStream acknowledged")
DROPPED = Counter("oo_outbox_dropped", "events dropped because the outbox was full")


def exposition(worker: str) -> bytes:
    """Return this process's metrics and its worker's as Prometheus text.

    The worker's have the label `process="large_calls"`.
    """
    return generate_latest(_Both(worker))


@dataclass(frozen=True, slots=True)
class _Both:
    worker: str

    def collect(self) -> Iterator[Metric]:
        families = {family.name: family for family in REGISTRY.collect()}
        for family in text_string_to_metric_families(self.worker):
            merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            merged.samples += [
                sample._replace(labels={**sample.labels, "process": "large_calls"}) for sample in family.samples
            ]
        yield from families.values()
