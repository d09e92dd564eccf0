"""This module defines a feature set: what one model sees, in its order, and the fingerprint of its code."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from oo_contracts import task, task_columns
from oo_contracts.score import Fallback, Reason
from oo_contracts.task_columns import CandidateColumns
from oo_contracts.wire import columns_digest

from oo_features import call_arrays, candidate, context, feature, feature_context, profile_schema
from oo_features.call_arrays import CallArrays, CandidateArrays, arrays_of
from oo_features.feature import Feature, check_value
from oo_features.feature_context import FeatureContext
from oo_features.fingerprint import code_digest
from oo_features.profile_schema import age_known, profile_value

__all__ = ["FeatureSet", "Rows"]


Checked = tuple[float, Reason | None]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of one call, float32 of shape (candidates, features) in the set's order, and what fell back.

    A fallback is of the call: it is there once for each feature.
    """

    values: NDArray[np.float32]
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
    def bounds(self) -> NDArray[np.float64]:
        """The lower and the upper bound of every feature, shape (2, features)."""
        return np.array([[item.low for item in self.features], [item.high for item in self.features]])

    @cached_property
    def _own_fallbacks(self) -> NDArray[np.float64]:
        return np.array([item.fallback for item in self.candidate], np.float64).reshape(-1, 1)

    @cached_property
    def ref(self) -> str:
        """The name and fingerprint, as events, model tags and inference calls carry them."""
        return f"{self.name}@{self.fingerprint[:16]}"

    @cached_property
    def columns(self) -> str:
        """The digest of the names in their order, which a predictor compares with its model's own."""
        return columns_digest(self.names)

    def rows(self, context: FeatureContext, candidates: CandidateColumns) -> Rows:
        """Return the rows of one call.

        Fallbacks of context and profile are reported. A candidate feature that is unknown (a tip without a task has no
        due date) is no incident: its fallback is what it means.
        """
        return self.rows_of_calls([context], [candidates])[0]

    def rows_of_calls(self, contexts: Sequence[FeatureContext], candidates: Sequence[CandidateColumns]) -> list[Rows]:
        """Return the rows of many calls, each as `rows` would return them."""
        if not contexts:
            return []
        calls, batch = arrays_of(contexts, candidates)
        checked = list(zip(*self._context(calls, len(contexts)), *self._profile(contexts), strict=True))
        counts = [len(columns) for columns in candidates]
        matrix = np.empty((sum(counts), len(self.features)), np.float32)
        shared = len(self.context) + len(self.profile)
        if shared:
            matrix[:, :shared] = np.array([[value for value, _ in one] for one in checked]).repeat(counts, axis=0)
        matrix[:, shared:] = self._own(batch).T
        ends = list(accumulate(counts))
        return [
            Rows(matrix[end - count : end], self._fallbacks(one), age_known(self.profile, context))
            for count, end, one, context in zip(counts, ends, checked or [()] * len(contexts), contexts, strict=True)
        ]

    def _context(self, calls: CallArrays, count: int) -> list[list[Checked]]:
        """Return the checked values of each feature of the context, one for each call."""
        return [
            [check_value(item, value, absent="unknown") for value in _plain(item.compute(calls), count)]
            for item in self.context
        ]

    def _profile(self, contexts: Sequence[FeatureContext]) -> list[list[Checked]]:
        return [[profile_value(item, context) for context in contexts] for item in self.profile]

    def _fallbacks(self, checked: Sequence[Checked]) -> tuple[Fallback, ...]:
        return tuple(
            _fallback(item.full_name, reason)
            for item, (_, reason) in zip((*self.context, *self.profile), checked, strict=True)
            if reason is not None
        )

    def _own(self, batch: CandidateArrays) -> NDArray[np.float64]:
        """Return the features of the candidates, shape (features, candidates)."""
        block = np.empty((len(self.candidate), len(batch.index)))
        for row, item in zip(block, self.candidate, strict=True):
            row[:] = item.compute(batch)
        return np.where(np.isnan(block), self._own_fallbacks, block)


@cache
def _fallback(name: str, reason: Reason) -> Fallback:
    return Fallback(feature=name, reason=reason)


def _plain(column: Any, count: int) -> Sequence[Any]:
    """Return a context feature's column as plain values, None where it is unknown; one value is that of every call."""
    if not isinstance(column, np.ndarray):
        return [column] * count
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124  # NaN alone differs


def _code(features: tuple[Feature, ...]) -> tuple[ModuleType, ...]:
    """Return the modules whose code determines a row: this package's, and those of features defined elsewhere."""
    before = (task, task_columns, feature, feature_context, call_arrays, context, profile_schema, candidate)
    always = (*before, sys.modules[__name__])
    names = {item.compute.__module__ for item in features} - {module.__name__ for module in always}
    return (*always, *(sys.modules[name] for name in sorted(names)))
