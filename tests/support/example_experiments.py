"""Experiments for tests of the edge."""

from __future__ import annotations

from datetime import UTC, datetime

from oo_experiments.assignment.experiment import Experiment

__all__ = ["NOW", "experiment"]

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def experiment(key, policy=None, mode="active", **other):
    """One that covers everybody, of one variant."""
    variant = {"name": "only", "weight": 1, "policy": policy or {"kind": "greedy"}, "mode": mode}
    return Experiment.model_validate({"key": key, "purpose": "a test", "variants": [variant]} | other)
