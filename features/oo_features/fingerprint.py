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

# Digests (their first half) of code in which only names were changed, and what they were before: a model that was
# trained on that code still fits.
FORMER_DIGESTS: Mapping[str, str] = {
    "9e6e18787fb18cbb9cfe1030aa73057e": "f2dfa335724db613c1841cc34a97130886ef349bc3f4b9ad48faab564075a7bd",
    "b938550738e88046ea18ab067043206c": "4386429b0cffc00a56dd3f2fa484ad05fcd804eabacbf949a74447f113205e4a",
    "24257a3e4a1559dfddc2798dd523e815": "959daef539979dd8eb10eb35127c8355c36c758867a578696ed3e6204c124b7f",
    "b8e5fd8e8c603a5a485617fe99c377ef": "c585debe3098263267feeae14f6a5abe1c6ab37c5f9aba43236f23f806dacc51",
    "da6ed8abd02afb5c3640f2832d759f77": "fa973ce8ed94f8328f578aeb38adb035bf61221916ad6ee1d1cc6c53498cd3a7",
    "8c50f55c53e25d088186ab6b0c2efee3": "05a55d612b846df677314a665becf1cb805fc8ddc127820f22c8112263751dd4",
    "e9b58641faa5a59a7cfc0284ef833531": "faa8aebb34c2d7dd05893cc70c888d427a947946eac69c1a7d5df0c1bc95a244",
    "2f0a8735f8061266a1b83b96d7d72362": "3a3f18c1551f5b7307fdea4ebc6ae6d08b8806ac15499d33531b255051fff743",
    "17d3cac0afae785c53157b35df0dc139": "30a4db22d87b61bd453b0d263d19c990c65e7b07520d9dfafd8f082ad097f586",
    "3a2be910501500c8b1b1e7c05262d60f": "3b4912bf1d40399ae3b30e73e071e2267f4fae0a79cdfaad17640aa7470fdba4",
    "464ccb05aeb77cacab6e52c41ff27f91": "2145133d5d46d4046df971d98e71cfca1f91186264a868ddb18575271d28a53e",
    "60cc8adc614f56d399ab8623187648ec": "b8656d590d73bba4a97e6d5291180fa2f0af3babc43122e99aa10ab5a2f7a300",
    "442807fcf45e3d1e9205212d7f1856e3": "45c3860d43da6eba39a14550601d51a3b21ff2abd72c268127ca6e184ea28555",
    "4b02a1c708a71205c73543cbcd041517": "39b163b9ee4e4d8df54d1ee19bdfef9c63d40ba148579f7ac97a6326d568850b",
    "b2036c883976eebcfb53c2414a8e343e": "50ebf4adf6664b414292935ddc6eaf07df9175c976d7cdef1e6de8864207c606",
    "77dab009b2ab76a37afca101869ccaec": "94a4a8b7f5d43e4c940188e7dc8ff4cbdace75a8979822750d5ea08e6656ca31",
    "79743f5ec1cfe5e487f82be94d218e72": "38c6688453f766c7ef9e484d2a43fd35a8bf64528c960e97fe24fd1343a27c7b",
    "90eecac58a65be1b73e881298c992a4e": "892eb220692af10d384812d901176970940b0c51ef22ab6899d8c98e350a42eb",
    "09e3b596670d38094ed164c40816762c": "b38617b1152d1a78fb88fb3c31d5f079d42480292fba78d46262c5aa2fa1603a",
    "e247b840e84ef4110f8b3e1076a893ae": "556b7091dff34add79247a76b314463c6297f26ab5c626921d75385d199eaa4b",
    "26aa09955496d6a7bf25f4ece0f3b7bb": "e52d1180ac28e937633c324d38513311be857489703b6d8309a11183c17dece6",
    "8ded92c7bc753a66ea73770f1228cb50": "570caa24d1cba7286f727f841961c578458fb3961190a64183d9b86d0e229ced",
    "193759be173d11248f34cdfebe64d140": "86ae7e3cf3173ebfe1f8ff5597f2ddb162c7233ae4995c659e504dd46bedf0cc",
    "8c36b7dbd80f3c460c954715aa2370c4": "d8ecdde2b5edddcb1480be9133f3a3955ad9c1b746dfb148902dac5e0941ef8c",
    "dc786aa559ebe60cb2c180dcdbd88f3d": "0c69005f505f74809b72f094354f0eae82fc63a6acb29a6ecf3fbc3ff150d1a2",
    "d413385c3a38e31443a175e239f88d70": "26790301c1e836662ce8aa8fa3ad04fbe74a9a84845ca5023dce929a824879d6",
    "b8269fb48675c4fdb3ca778d572c5181": "726b5d239f2c897cde4e68687cb5602fdb372247ace29dc84266f6ce54fb4c63",
    "45b0195922723f5acdc164515d031d95": "c49f5021f00ebb9a286ba4f39ada592815ed7674c4ff6e16f2eb48148a608441",
}


def code_digest(modules: Sequence[ModuleType]) -> str:
    """Return the SHA-256 over the syntax trees of modules, in their order."""
    joined = "\n".join(source_digest(inspect.getsource(module)) for module in modules)
    return hashlib.sha256(joined.encode()).hexdigest()


def source_digest(source: str) -> str:
    """Return the SHA-256 over one source's syntax tree.

    Where only names were changed it is the former digest (FORMER_DIGESTS).

    >>> source_digest("x = 1  # one") == source_digest("x=(1)")
    True
    >>> source_digest("x = 1") == source_digest("x = 2")
    False
    """
    digest = hashlib.sha256("\n".join(_tokens(ast.parse(source))).encode()).hexdigest()
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
