"""This module defines a feature set: what one model sees, in its order, and the fingerprint of its code."""

from __future__ import annotations

import hashlib
import json
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

from oo_contracts import task
from oo_contracts.score import Candidate, Fallback
from oo_contracts.task import TaskFacts
from oo_contracts.wire import columns_digest

from oo_features import candidate, context, feature, feature_context, profile_schema
from oo_features.feature import CandidateContext, Feature, check_value
from oo_features.feature_context import FeatureContext
from oo_features.fingerprint import code_digest
from oo_features.profile_schema import age_known, profile_value

__all__ = ["FeatureSet", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """One row of float32 values for each candidate, in the set's order, and what fell back (once per feature)."""

    values: tuple[tuple[float, ...], ...]
    fallbacks: tuple[Fallback, ...]
    profile_known: bool


@dataclass(frozen=True)
class FeatureSet:
    """The features that one model sees, in its order: context, profile, candidate.

    Raises:
        ValueError: two features share a name.
    """

    name: str
    context: tuple[Feature, ...] = ()
    profile: tuple[Feature, ...] = ()
    candidate: tuple[Feature, ...] = ()

    def __post_init__(self) -> None:
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise ValueError(f"the feature set {self.name} has {', '.join(twice)} twice")

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Every feature of the set, in the order of the row."""
        return (*self.context, *self.profile, *self.candidate)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The full name of every feature, in the order of the row."""
        return tuple(item.full_name for item in self.features)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256, in hexadecimal, over the declarations and the code that computes them.

        Declarations are names, order, dtypes, fallbacks, bounds, TTLs and sources.
        """
        declared = [
            [item.full_name, item.dtype, item.fallback, str(item.low), str(item.high), str(item.ttl), item.source]
            for item in self.features
        ]
        return hashlib.sha256(json.dumps([declared, code_digest(_code(self.features))]).encode()).hexdigest()

    @cached_property
    def ref(self) -> str:
        """The name and fingerprint, as events, model tags and inference calls carry them."""
        return f"{self.name}@{self.fingerprint[:16]}"

    @cached_property
    def columns(self) -> str:
        """The digest of the names in their order, which a predictor compares with its model's own."""
        return columns_digest(self.names)

    def rows(self, context: FeatureContext, candidates: Sequence[Candidate]) -> Rows:
        """Return one row for each candidate, shape (candidates, features).

        What belongs to the call is computed once.

        Fallbacks of context and profile are reported. A candidate feature that is unknown (a tip without a task has no
        priority) has its declared fallback by design, and is not reported.
        """
        shared, fallbacks = self._shared(context)
        tasks = {task.id: task for task in context.tasks}
        values = tuple(
            _float32((*shared, *self._own(CandidateContext(context, item, _task_of(item, tasks), place))))
            for place, item in enumerate(candidates)
        )
        return Rows(values, fallbacks, age_known(self.profile, context))

    def _shared(self, context: FeatureContext) -> tuple[tuple[float, ...], tuple[Fallback, ...]]:
        found = [check_value(item, item.compute(context), absent="unknown") for item in self.context]
        found += [profile_value(item, context) for item in self.profile]
        fallbacks = tuple(
            Fallback(feature=item.full_name, reason=reason)
            for item, (_, reason) in zip((*self.context, *self.profile), found, strict=True)
            if reason is not None
        )
        return tuple(value for value, _ in found), fallbacks

    def _own(self, candidate: CandidateContext) -> list[float]:
        found = [item.compute(candidate) for item in self.candidate]
        return [item.fallback if value is None else value for item, value in zip(self.candidate, found, strict=True)]


def _code(features: tuple[Feature, ...]) -> tuple[ModuleType, ...]:
    """Return the modules whose code determines a row: this package's, and those of features defined elsewhere."""
    always = (task, feature, feature_context, context, profile_schema, candidate, sys.modules[__name__])
    names = {item.compute.__module__ for item in features} - {module.__name__ for module in always}
    return (*always, *(sys.modules[name] for name in sorted(names)))


def _task_of(candidate: Candidate, tasks: dict[str, TaskFacts]) -> TaskFacts | None:
    return tasks.get(candidate.task_id) if candidate.task_id is not None else None


def _float32(values: tuple[float, ...]) -> tuple[float, ...]:
    """Return the values rounded to what a float32 can hold, so that JSON, ONNX and training all see the same number."""
    return tuple(array("f", values))
