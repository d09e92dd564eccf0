"""This module computes a digest of code.

It changes with the code, but not with comments, docstrings, formatting or Python's version.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

__all__ = ["code_digest", "source_digest"]

# Digests (their first half) of code that computes what former code did, bit for bit, and what they were before: a model
# that was trained on that code still fits. tests/features/golden has rows that the former code computed.
FORMER_DIGESTS: Mapping[str, str] = {
    "16d7479e51bf7a92d6eb1bed7d153a62": "c585debe3098263267feeae14f6a5abe1c6ab37c5f9aba43236f23f806dacc51",
    "b4220022ac96b98f2c4545e2f1e0e82f": "fa973ce8ed94f8328f578aeb38adb035bf61221916ad6ee1d1cc6c53498cd3a7",
    "090e8324f1ec26b31fcec5159b6070da": "05a55d612b846df677314a665becf1cb805fc8ddc127820f22c8112263751dd4",
    "69086c9ed5bfe61dedd183432587e2ea": "faa8aebb34c2d7dd05893cc70c888d427a947946eac69c1a7d5df0c1bc95a244",
    "c3e95b80f845d4b86bd813c2316a93fd": "3a3f18c1551f5b7307fdea4ebc6ae6d08b8806ac15499d33531b255051fff743",
    "2a949364e2e9e1ef68dc6a0623ca8af7": "30a4db22d87b61bd453b0d263d19c990c65e7b07520d9dfafd8f082ad097f586",
    "442807fcf45e3d1e9205212d7f1856e3": "45c3860d43da6eba39a14550601d51a3b21ff2abd72c268127ca6e184ea28555",
    "a58e0aaec4349bc88cceef06d912e1d9": "892eb220692af10d384812d901176970940b0c51ef22ab6899d8c98e350a42eb",
    "390f61f33929ba011c3aa9470a9c5f72": "b38617b1152d1a78fb88fb3c31d5f079d42480292fba78d46262c5aa2fa1603a",
    "9839c4d518887497ae53e9b2192a56af": "556b7091dff34add79247a76b314463c6297f26ab5c626921d75385d199eaa4b",
    "1e2b238dbf808acc9d3007dc36e3d9a8": "e52d1180ac28e937633c324d38513311be857489703b6d8309a11183c17dece6",
    "70e30aef4cbdb8edfcfc41b9983a52c3": "570caa24d1cba7286f727f841961c578458fb3961190a64183d9b86d0e229ced",
    "6f9e2176144034ca003bc73eec231107": "86ae7e3cf3173ebfe1f8ff5597f2ddb162c7233ae4995c659e504dd46bedf0cc",
    "33d1b2f63e1268b3083687082f429d26": "d8ecdde2b5edddcb1480be9133f3a3955ad9c1b746dfb148902dac5e0941ef8c",
    "051301840c552766a3d8714cc1e5e9fa": "0c69005f505f74809b72f094354f0eae82fc63a6acb29a6ecf3fbc3ff150d1a2",
    "826db54f4a5e32f25fbd589d54f656b6": "26790301c1e836662ce8aa8fa3ad04fbe74a9a84845ca5023dce929a824879d6",
    "e2c3c6f32cdc2c6ab670887bd6cdd891": "726b5d239f2c897cde4e68687cb5602fdb372247ace29dc84266f6ce54fb4c63",
    "cf52fec519bad477af868e7a1bbb5f41": "a890f7b27cfaf24999805821c6f0c4e0a81558fa2115ead13f36e9acfe839c36",
}


def code_digest(modules: Sequence[ModuleType]) -> str:
    """Return the SHA-256 over the syntax trees of modules, in their order, or its former digest (FORMER_DIGESTS)."""
    joined = "\n".join(source_digest(inspect.getsource(module)) for module in modules)
    return _former(hashlib.sha256(joined.encode()).hexdigest())


def source_digest(source: str) -> str:
    """Return the SHA-256 over one source's syntax tree, or its former digest (FORMER_DIGESTS).

    >>> source_digest("x = 1  # one") == source_digest("x=(1)")
    True
    >>> source_digest("x = 1") == source_digest("x = 2")
    False
    """
    return _former(hashlib.sha256("\n".join(_tokens(ast.parse(source))).encode()).hexdigest())


def _former(digest: str) -> str:
    return FORMER_DIGESTS.get(digest[:32], digest)


def _tokens(node: ast.AST) -> Iterator[str]:
    """Yield the tree as words. Empty fields are left out: which of them exist differs between Python versions."""
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
