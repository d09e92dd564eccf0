"""This module records a feature where it trains a model, so that later code can be compared with it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, TypedDict

from oo_features.feature import Feature
from oo_features.fingerprint import source_digest

__all__ = ["FeatureRecord", "record_of"]


class FeatureRecord(TypedDict):
    """One feature as a model card shows it; `code` is a digest of its function, without the decorator."""

    dtype: str
    fallback: float
    bounds: str
    ttl: str
    source: str
    code: str


def record_of(feature: Feature) -> FeatureRecord:
    """Return what a model's card says about the feature.

    >>> from oo_features.context import CONTEXT_FEATURES
    >>> record_of(CONTEXT_FEATURES[0])["bounds"]
    '0 to 23'
    """
    return FeatureRecord(
        dtype=feature.dtype,
        fallback=feature.fallback,
        bounds=f"{feature.low:g} to {feature.high:g}",
        ttl="none" if feature.ttl is None else f"{feature.ttl.total_seconds() / 3_600:g} h",
        source=feature.source,
        code=_digest(feature.compute),
    )


def _digest(function: Callable[..., Any]) -> str:
    """Return a digest of a function's code, without its decorators: their arguments are recorded by themselves."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
    return source_digest(ast.unparse(tree))[:16]
