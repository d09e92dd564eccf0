"""The registry in `registry.ts`: which export it is, and its entries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tree_sitter import Node

from oo_features.registry_ts.evaluator import Evaluator
from oo_features.registry_ts.forms import FUNCTION_VALUES
from oo_features.registry_ts.module import CLASSES, FUNCTIONS, Const, Module, NonConstant
from oo_features.registry_ts.registry_entry import TTL, RegistryEntry, entry_of
from oo_features.registry_ts.source_file import NotConstant, SourceLocation, text, walk
from oo_features.registry_ts.tampering import refuse_changes
from oo_features.registry_ts.values import LocatedValue, Table

__all__ = ["IN_REPOSITORY", "ProfileRegistry", "entries"]

IN_REPOSITORY = Path("services/api/src/profile/registry.ts")
REGISTRY_WORD = "registry"  # part of its name, if several exports could be the registry


@dataclass(frozen=True, slots=True)
class ProfileRegistry:
    """The export that is the registry, where it stands, and its entries in the order of the file."""

    export: str
    at: SourceLocation
    entries: tuple[RegistryEntry, ...]


def entries(path: Path, export: str | None = None) -> ProfileRegistry:
    """Evaluate a registry file, or the one of the recommender's repository whose root the path is.

    Raises:
        NotConstant: something about it is not certain; the location and the reason are named.
    """
    path = path / IN_REPOSITORY if path.is_dir() else path
    evaluator = Evaluator()
    try:
        name, located = _registry(evaluator, path, export)
        listed = _listed(located)
        refuse_changes(evaluator, evaluator.made_from((path, f"export {name}")))
    except RecursionError:
        raise NotConstant(SourceLocation(str(path), 1), "is nested too deeply") from None
    first: dict[str, RegistryEntry] = {}
    for entry in listed:
        if entry.name in first:
            raise NotConstant(entry.at, f"`{entry.name}` is declared twice, before at {first[entry.name].at}")
        first[entry.name] = entry
    return ProfileRegistry(name, located.at, tuple(listed))


def _registry(evaluator: Evaluator, path: Path, export: str | None) -> tuple[str, LocatedValue]:
    """Return the one export that is a registry, or the one that was named."""
    whole = SourceLocation(str(path), 1)
    if export is not None:
        return export, evaluator.exported(path, export, whole)
    candidates: dict[str, LocatedValue] = {}
    unknown: dict[str, NotConstant] = {}
    for name in evaluator.exports(path):
        try:
            value = evaluator.exported(path, name, whole)
        except NotConstant as refused:
            unknown[name] = refused
        else:
            candidates |= {name: value} if _looks_like_one(value) else {}
    _refuse_rivals(evaluator.module(path), unknown, set(candidates))
    largest = _largest(evaluator, path, candidates)
    if not largest:
        raise next(
            iter(unknown.values()), NotConstant(whole, f"no export is an array or a record of entries with {TTL}")
        )
    if len(largest) > 1:
        listed = ", ".join(f"`{name}` at {candidates[name].at}" for name in largest)
        raise NotConstant(
            candidates[largest[1]].at, f"several exports could be the registry: {listed}; say which by --export"
        )
    return largest[0], candidates[largest[0]]


def _refuse_rivals(module: Module, unknown: dict[str, NotConstant], candidates: set[str]) -> None:
    """Refuse an export that cannot be evaluated and may be the registry.

    It may not when it only does things or reads a candidate.
    """
    for name, refused in unknown.items():
        export = module.exports.get(name)
        binding = module.bindings.get(export) if isinstance(export, str) else None
        node = (
            binding.node
            if isinstance(binding, NonConstant)
            else binding.value
            if isinstance(binding, Const)
            else export
        )
        below = list(walk(node)) if isinstance(node, Node) else []
        if below and below[0].type in FUNCTIONS | CLASSES | FUNCTION_VALUES:
            continue
        reads = any(part.type == "identifier" and text(part) in candidates for part in below)
        declares = any(_key(part) == TTL for part in below)
        if declares or (REGISTRY_WORD in name.lower() and not reads):
            raise refused


def _key(node: Node) -> str | None:
    key = node.child_by_field_name("key") if node.type == "pair" else None
    return text(key).strip("\"'") if key else text(node) if node.type == "shorthand_property_identifier" else None


def _largest(evaluator: Evaluator, path: Path, exports: dict[str, LocatedValue]) -> list[str]:
    """Return the names of the largest exports, each value once.

    Of one that is made from another, the larger remains, or else the other.
    """
    values = {id(value.value): name for name, value in reversed(exports.items())}
    parts = {name: evaluator.made_from((path, f"export {name}")) for name in sorted(values.values())}
    within = {name: parts[name] - {(path, f"export {name}")} for name in parts}
    content = {name: _content(exports[name]) for name in parts}
    dropped = set()
    for made, base in ((made, base) for made in parts for base in parts if made != base and within[base]):
        if within[base] <= parts[made]:
            dropped |= {base} if content[base].keys() < content[made].keys() else set()
            dropped |= {made} if content[made] == content[base] else set()
    remaining = [name for name in parts if name not in dropped]
    # What was filtered out of a list is made from it, and has less: the name decides, if all are made from that one.
    named = [
        name
        for name in remaining
        if REGISTRY_WORD in name.lower() and all(within[name] <= parts[other] for other in remaining)
    ]
    return named if len(named) == 1 else remaining


def _content(located: LocatedValue) -> dict[object, tuple[object, ...]]:
    """Return what the entries say, by their names, as far as that is known."""
    record = _record(located)
    pairs = [(None, item) for item in located.value] if isinstance(located.value, list) else list(record.items())
    content: dict[object, tuple[object, ...]] = {}
    for key, item in pairs:
        fields = item.value if isinstance(item.value, dict) else {}
        known_fields = {
            word: field_value.value
            for word, field_value in fields.items()
            if isinstance(field_value.value, str | float)
        }
        content[key or known_fields.get("name")] = (known_fields.get(TTL), known_fields.get("dtype"))
    return content


def _looks_like_one(located: LocatedValue) -> bool:
    items = located.value if isinstance(located.value, list) else _record(located).values()
    return any(isinstance(item.value, dict) and TTL in item.value for item in items)


def _record(located: LocatedValue) -> dict[str, LocatedValue]:
    """Return an object, or a Map from names; empty for anything else."""
    if isinstance(located.value, Table) and not located.value.is_set:
        pairs = located.value.items.values()
        return {key.value: value for key, value in pairs if isinstance(key.value, str)}
    return located.value if isinstance(located.value, dict) else {}


def _listed(located: LocatedValue) -> list[RegistryEntry]:
    """Return the entries of an array, or of a record whose keys are their names."""
    if isinstance(located.value, list):
        return [entry_of(item, None) for item in located.value]
    if record := _record(located):
        return [entry_of(item, key) for key, item in record.items()]
    raise NotConstant(located.at, "the registry is neither an array nor a record")
