"""A digest of code that changes when the code does, not with comments, docstrings, formatting or Python's version."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator, Sequence
from types import ModuleType

__all__ = ["code_digest", "source_digest"]


def code_digest(modules: Sequence[ModuleType]) -> str:
    """SHA-256 over the syntax trees of modules, in their order."""
    joined = "\n".join(source_digest(inspect.getsource(module)) for module in modules)
    return hashlib.sha256(joined.encode()).hexdigest()


def source_digest(source: str) -> str:
    """SHA-256 over one source's syntax tree.

    >>> source_digest("x = 1  # one") == source_digest("x=(1)")
    True
    >>> source_digest("x = 1") == source_digest("x = 2")
    False
    """
    return hashlib.sha256("\n".join(_tokens(ast.parse(source))).encode()).hexdigest()


def _tokens(node: ast.AST) -> Iterator[str]:
    """The tree in words. Empty fields are left out: which of them exist differs between Python versions."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        items = value if isinstance(value, list) else [value]
        for item in _without_docstring(node, name, items):
            if isinstance(item, ast.AST):
                yield f"{name}:"
                yield from _tokens(item)
            elif item is not None or isinstance(value, list):  # `**more` is a key that is None, and has a place
                yield f"{name}={item!r}"
    yield "."


def _without_docstring(node: ast.AST, name: str, items: list[object]) -> list[object]:
    documented = name == "body" and isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
    if documented and items and isinstance(items[0], ast.Expr) and isinstance(items[0].value, ast.Constant):
        return items[1:]
    return items
