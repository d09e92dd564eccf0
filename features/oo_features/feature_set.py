"""A feature set: what one model sees, in its order, and the fingerprint that ties the model to this code."""

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

from oo_features import candidate, context, feature, moment, profile_schema
from oo_features.feature import Feature, Subject, checked
from oo_features.fingerprint import code_digest
from oo_features.moment import Moment
from oo_features.profile_schema import age_known, profile_value

__all__ = ["FeatureSet", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """One row per candidate, float32 values in the set's order, and what had to fall back (once per feature)."""

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
        return (*self.context, *self.profile, *self.candidate)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(item.full_name for item in self.features)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, order, dtypes, fallbacks, bounds, TTLs and the code that computes them."""
        declared = [
            [item.full_name, item.dtype, item.fallback, str(item.low), str(item.high), str(item.ttl), item.source]
            for item in self.features
        ]
        return hashlib.sha256(json.dumps([declared, code_digest(_code(self.features))]).encode()).hexdigest()

    @cached_property
    def ref(self) -> str:
        """Name and fingerprint, as events, model tags and inference calls carry them."""
        return f"{self.name}@{self.fingerprint[:16]}"

    @cached_property
    def columns(self) -> str:
        """A digest of the names in their order, which a predictor compares with its model's own."""
        return columns_digest(self.names)

    def rows(self, at: Moment, candidates: Sequence[Candidate]) -> Rows:
        """One row per candidate. What belongs to the call is computed once.

        Context and profile fall backs are reported; a candidate feature that is unknown (a tip without a task has no
        priority) is its declared fallback by design and is not.
        """
        shared, fallbacks = self._shared(at)
        tasks = {task.id: task for task in at.tasks}
        values = tuple(
            _float32((*shared, *self._own(Subject(at, item, _task_of(item, tasks), place))))
            for place, item in enumerate(candidates)
        )
        return Rows(values, fallbacks, age_known(self.profile, at))

    def _shared(self, at: Moment) -> tuple[tuple[float, ...], tuple[Fallback, ...]]:
        found = [checked(item, item.compute(at), absent="unknown") for item in self.context]
        found += [profile_value(item, at) for item in self.profile]
        fallbacks = tuple(
            Fallback(feature=item.full_name, reason=reason)
            for item, (_, reason) in zip((*self.context, *self.profile), found, strict=True)
            if reason is not None
        )
        return tuple(value for value, _ in found), fallbacks

    def _own(self, subject: Subject) -> list[float]:
        found = [item.compute(subject) for item in self.candidate]
        return [item.fallback if value is None else value for item, value in zip(self.candidate, found, strict=True)]


def _code(features: tuple[Feature, ...]) -> tuple[ModuleType, ...]:
    """The modules that make a row what it is, this one among them, and those of features that stand elsewhere."""
    always = (task, feature, moment, context, profile_schema, candidate, sys.modules[__name__])
    names = {item.compute.__module__ for item in features} - {module.__name__ for module in always}
    return (*always, *(sys.modules[name] for name in sorted(names)))


def _task_of(of: Candidate, tasks: dict[str, TaskFacts]) -> TaskFacts | None:
    return tasks.get(of.task_id) if of.task_id is not None else None


def _float32(values: tuple[float, ...]) -> tuple[float, ...]:
    """Rounded to what a float32 can hold, so that JSON, ONNX and training all see the same number."""
    return tuple(array("f", values))
