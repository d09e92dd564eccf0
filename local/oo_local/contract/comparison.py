"""Our mirror against the registry: what differs, and where."""

from __future__ import annotations

import ast
import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from oo_features import profile_schema
from oo_features.contract import Promise, contract_digest, mirror

from oo_local.contract.registry import Entry, Registry
from oo_local.contract.source import Place

__all__ = ["Difference", "differences", "digest"]

Kind = Literal["missing in Python", "missing in TypeScript", "other ttlSec", "other dtype"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement, with the line of each side; a side that lacks the feature shows where it would stand."""

    feature: str
    kind: Kind
    typescript: str | None
    python: str | None
    typescript_at: Place
    python_at: Place


def digest(registry: Registry) -> str:
    """The digest that our mirror has when it promises the same; dtypes that are not declared count as none."""
    return contract_digest((entry.name, entry.ttl_sec, entry.dtype) for entry in registry.entries)


def differences(registry: Registry) -> tuple[Difference, ...]:
    """Sorted by feature. A dtype is compared where the registry declares one."""
    ours = {promise[0]: promise for promise in mirror()}
    theirs = {entry.name: entry for entry in registry.entries}
    places = _places()
    found: list[Difference] = []
    for name in sorted(ours.keys() | theirs.keys()):
        here = places.get(name, places[""])
        found += _compared(name, ours.get(name), theirs.get(name), registry.at, here)
    return tuple(found)


def _compared(name: str, ours: Promise | None, theirs: Entry | None, at: Place, here: Place) -> list[Difference]:
    if ours is None or theirs is None:
        if theirs is not None:
            return [Difference(name, "missing in Python", f"{theirs.ttl_sec} s", None, theirs.at, here)]
        return [Difference(name, "missing in TypeScript", None, f"{ours[1]} s" if ours else None, at, here)]
    _, ttl, dtype = ours
    found: list[Difference] = []
    if theirs.ttl_sec != ttl:
        found.append(Difference(name, "other ttlSec", str(theirs.ttl_sec), str(ttl), theirs.ttl_at, here))
    if theirs.dtype not in {None, dtype}:
        found.append(Difference(name, "other dtype", theirs.dtype, dtype, theirs.dtype_at, here))
    return found


def _places() -> dict[str, Place]:
    """Where our mirror declares each feature; the empty name is the mirror as a whole."""
    path = Path(inspect.getfile(profile_schema))
    shown = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    tree = ast.parse(path.read_text())
    declared = next(
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PROFILE_FEATURES"
    )
    lines = {
        node.value: node.lineno
        for node in reversed(list(ast.walk(declared)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {name: Place(shown, line) for name, line in (lines | {"": declared.lineno}).items()}
