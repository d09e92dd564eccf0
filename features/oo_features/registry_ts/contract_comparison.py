"""The comparison of our mirror with the registry: what differs, and where."""

from __future__ import annotations

import ast
import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from oo_features import profile_schema
from oo_features.contract import Promise, contract_digest, profile_promises
from oo_features.registry_ts.registry_entries import ProfileRegistry
from oo_features.registry_ts.registry_entry import RegistryEntry
from oo_features.registry_ts.source_file import SourceLocation

__all__ = ["ContractDifference", "differences", "digest"]

Kind = Literal["missing in Python", "missing in TypeScript", "other ttlSec", "other dtype"]


@dataclass(frozen=True, slots=True)
class ContractDifference:
    """One disagreement, with the line of each side; a side that lacks the feature names where it would stand."""

    feature: str
    kind: Kind
    typescript: str | None
    python: str | None
    typescript_at: SourceLocation
    python_at: SourceLocation


def digest(registry: ProfileRegistry) -> str:
    """Return the digest that our mirror has when it promises the same; dtypes that are not declared count as none."""
    dtypes = {name: dtype for name, _, dtype in profile_promises()}
    return contract_digest(
        (entry.name, entry.ttl_sec, _dtype(entry, dtypes.get(entry.name))) for entry in registry.entries
    )


def _dtype(entry: RegistryEntry, dtype: str | None) -> str | None:
    """Return the entry's dtype, or ours where it agrees: `number` stands for integers and floats alike."""
    return dtype if entry.dtype is not None and entry.agrees(dtype) else entry.dtype


def differences(registry: ProfileRegistry) -> tuple[ContractDifference, ...]:
    """Return every difference, sorted by feature; a dtype is compared where the registry declares one."""
    promises = {promise[0]: promise for promise in profile_promises()}
    entries = {entry.name: entry for entry in registry.entries}
    places = _places()
    all_differences: list[ContractDifference] = []
    for name in sorted(promises.keys() | entries.keys()):
        mirror_place = places.get(name, places[""])
        all_differences += _compared(name, promises.get(name), entries.get(name), registry.at, mirror_place)
    return tuple(all_differences)


def _compared(
    name: str, promise: Promise | None, entry: RegistryEntry | None, place: SourceLocation, mirror_place: SourceLocation
) -> list[ContractDifference]:
    if promise is None or entry is None:
        if entry is not None:
            return [ContractDifference(name, "missing in Python", f"{entry.ttl_sec} s", None, entry.at, mirror_place)]
        return [
            ContractDifference(
                name, "missing in TypeScript", None, f"{promise[1]} s" if promise else None, place, mirror_place
            )
        ]
    _, ttl, dtype = promise
    found_differences: list[ContractDifference] = []
    if entry.ttl_sec != ttl:
        found_differences.append(
            ContractDifference(name, "other ttlSec", str(entry.ttl_sec), str(ttl), entry.ttl_at, mirror_place)
        )
    if not entry.agrees(dtype):
        found_differences.append(
            ContractDifference(name, "other dtype", entry.dtype, dtype, entry.dtype_at, mirror_place)
        )
    return found_differences


def _places() -> dict[str, SourceLocation]:
    """Return where our mirror declares each feature; the empty name stands for the mirror as a whole."""
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
    return {name: SourceLocation(shown, line) for name, line in (lines | {"": declared.lineno}).items()}
