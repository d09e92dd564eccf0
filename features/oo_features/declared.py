"""What is written down of a feature where it trains a model, so that another version of the code can be compared."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, TypedDict

from oo_features.feature import Feature
from oo_features.fingerprint import source_digest

__all__ = ["Declared", "declared"]


class Declared(TypedDict):
    """`bounds` and `ttl` as a person reads them; `code` is a digest of the function, without its declaration."""

    dtype: str
    fallback: float
    bounds: str
    ttl: str
    source: str
    code: str


def declared(of: Feature) -> Declared:
    """What a model's card is to say of the feature.

    >>> from oo_features.context import CONTEXT_FEATURES
    >>> declared(CONTEXT_FEATURES[0])["bounds"]
    '0 to 23'
    """
    return Declared(
        dtype=of.dtype,
        fallback=of.fallback,
        bounds=f"{of.low:g} to {of.high:g}",
        ttl="none" if of.ttl is None else f"{of.ttl.total_seconds() / 3_600:g} h",
        source=of.source,
        code=_digest(of.compute),
    )


def _digest(function: Callable[..., Any]) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
    return source_digest(ast.unparse(tree))[:16]
