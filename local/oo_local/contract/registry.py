"""The registry in `registry.ts`: which export it is, and its entries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tree_sitter import Node

from oo_local.contract.evaluate import Evaluator, Found
from oo_local.contract.literals import EXACT
from oo_local.contract.module import CLASSES, FUNCTIONS, Const, Module, Unknown
from oo_local.contract.source import Place, Refused, text, walk
from oo_local.contract.tampering import FUNCTION_VALUES, refuse_changes

__all__ = ["Entry", "Registry", "entries"]

# The recommender's words for what our rows hold; text and categories are no numbers, and our mirror has none of them.
DTYPES = {
    "number": "float32",
    "float": "float32",
    "float32": "float32",
    "int": "int",
    "integer": "int",
    "boolean": "bool",
    "bool": "bool",
    "string": "string",
    "category": "category",
}
TTL = "ttlSec"


@dataclass(frozen=True, slots=True)
class Entry:
    """One feature as the recommender declares it."""

    name: str
    ttl_sec: int
    dtype: str | None
    source: str | None
    at: Place
    ttl_at: Place
    dtype_at: Place

    @property
    def file(self) -> str:
        return self.at.file

    @property
    def line(self) -> int:
        return self.at.line


@dataclass(frozen=True, slots=True)
class Registry:
    """The export that it is, where it stands, and its entries in the order of the file."""

    export: str
    at: Place
    entries: tuple[Entry, ...]


def entries(path: Path, export: str | None = None) -> Registry:
    """Evaluate a registry file.

    Raises:
        Refused: something about it is not certain; the place and the reason are named.
    """
    evaluator = Evaluator()
    try:
        name, found = _registry(evaluator, path, export)
        listed = _listed(found)
        refuse_changes(evaluator, evaluator.made_from((path, f"export {name}")))
    except RecursionError:
        raise Refused(Place(str(path), 1), "is nested too deeply") from None
    first: dict[str, Entry] = {}
    for entry in listed:
        if entry.name in first:
            raise Refused(entry.at, f"`{entry.name}` is declared twice, before at {first[entry.name].at}")
        first[entry.name] = entry
    return Registry(name, found.at, tuple(listed))


def _registry(evaluator: Evaluator, path: Path, export: str | None) -> tuple[str, Found]:
    """The one export that is a registry, or the one that was asked for."""
    whole = Place(str(path), 1)
    if export is not None:
        return export, evaluator.exported(path, export, whole)
    found: dict[str, Found] = {}
    unknown: dict[str, Refused] = {}
    for name in evaluator.exports(path):
        try:
            value = evaluator.exported(path, name, whole)
        except Refused as refused:
            unknown[name] = refused
        else:
            found |= {name: value} if _looks_like_one(value) else {}
    _refuse_rivals(evaluator.module(path), unknown, set(found))
    largest = _largest(evaluator, path, found)
    if not largest:
        raise next(iter(unknown.values()), Refused(whole, f"no export is an array or a record of entries with {TTL}"))
    if len(largest) > 1:
        listed = ", ".join(f"`{name}` at {found[name].at}" for name in largest)
        raise Refused(found[largest[1]].at, f"several exports could be the registry: {listed}; say which by --export")
    return largest[0], found[largest[0]]


def _refuse_rivals(module: Module, unknown: dict[str, Refused], candidates: set[str]) -> None:
    """An export that cannot be evaluated may be the registry, unless it only does things or reads a candidate."""
    for name, refused in unknown.items():
        what = module.exports.get(name)
        binding = module.bindings.get(what) if isinstance(what, str) else None
        node = binding.node if isinstance(binding, Unknown) else binding.value if isinstance(binding, Const) else what
        below = list(walk(node)) if isinstance(node, Node) else []
        if below and below[0].type in FUNCTIONS | CLASSES | FUNCTION_VALUES:
            continue
        reads = any(part.type == "identifier" and text(part) in candidates for part in below)
        declares = any(_key(part) == TTL for part in below)
        if declares or ("registry" in name.lower() and not reads):
            raise refused


def _key(node: Node) -> str | None:
    key = node.child_by_field_name("key") if node.type == "pair" else None
    return text(key).strip("\"'") if key else text(node) if node.type == "shorthand_property_identifier" else None


def _largest(evaluator: Evaluator, path: Path, found: dict[str, Found]) -> list[str]:
    """Each value once, whatever it is called, and without those that another one is made from."""
    values = {id(value.value): name for name, value in reversed(found.items())}
    parts = {name: evaluator.made_from((path, f"export {name}")) for name in values.values()}
    within = {name: parts[name] - {(path, f"export {name}")} for name in parts}
    return [
        name
        for name in sorted(parts)
        if not any(within[name] and within[name] <= parts[other] for other in parts if other != name)
    ]


def _looks_like_one(found: Found) -> bool:
    if not isinstance(found.value, list | dict):
        return False
    held = found.value if isinstance(found.value, list) else list(found.value.values())
    return any(isinstance(item.value, dict) and TTL in item.value for item in held)


def _listed(found: Found) -> list[Entry]:
    """The entries of an array, or of a record whose keys are their names."""
    if isinstance(found.value, list):
        return [_entry(item, None) for item in found.value]
    if isinstance(found.value, dict):
        return [_entry(item, key) for key, item in found.value.items()]
    raise Refused(found.at, "the registry is neither an array nor a record")


def _entry(found: Found, key: str | None) -> Entry:
    if isinstance(found.value, Refused):
        raise found.value
    if not isinstance(found.value, dict):
        raise Refused(found.at, f"the entry{f' `{key}`' if key else ''} is no object")
    name, _ = _text(found, "name") if key is None or "name" in found.value else (key, found.at)
    if name is None or key not in {None, name}:
        raise Refused(found.at, f"the entry `{key}` calls itself `{name}`" if name else "an entry without a name")
    ttl, ttl_at = _seconds(found, name)
    word, dtype_at = _text(found, "dtype")
    if word is not None and word not in DTYPES:
        raise Refused(dtype_at, f"the dtype `{word}` of `{name}` is none of {', '.join(DTYPES)}")
    dtype = None if word is None else DTYPES[word]
    return Entry(name, ttl, dtype, _text(found, "source")[0], found.at, ttl_at, dtype_at)


def _asked(of: Found, name: str) -> Found | None:
    found = of.value.get(name) if isinstance(of.value, dict) else None
    if found is not None and isinstance(found.value, Refused):
        raise Refused(found.value.place, f"`{name}` is uncertain: {found.value.why}")
    return found


def _text(of: Found, name: str) -> tuple[str | None, Place]:
    found = _asked(of, name)
    if found is None:
        return None, of.at
    if not isinstance(found.value, str) or not found.value:
        raise Refused(found.at, f"`{name}` is no text")
    return found.value, found.at


def _seconds(of: Found, name: str) -> tuple[int, Place]:
    found = _asked(of, TTL)
    if found is None:
        raise Refused(of.at, f"`{name}` has no {TTL}")
    if not isinstance(found.value, float) or found.value != int(found.value) or abs(found.value) >= EXACT:
        raise Refused(found.at, f"the {TTL} of `{name}` is no whole number")
    return int(found.value), found.at
