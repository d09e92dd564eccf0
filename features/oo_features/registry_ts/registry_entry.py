"""One entry of the registry: its name, its seconds and its dtype, each with the place where it is declared."""

from __future__ import annotations

from dataclasses import dataclass

from oo_features.registry_ts.literals import EXACT
from oo_features.registry_ts.source_file import NotConstant, SourceLocation
from oo_features.registry_ts.values import LocatedValue

__all__ = ["TTL", "RegistryEntry", "entry_of"]

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
NUMBER = "number"  # TypeScript's only type of number, for our integers and our floats alike


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One feature as the recommender declares it."""

    name: str
    ttl_sec: int
    dtype: str | None
    word: str | None
    source: str | None
    at: SourceLocation
    ttl_at: SourceLocation
    dtype_at: SourceLocation

    def agrees(self, dtype: str | None) -> bool:
        """Return whether its declared dtype holds for ours; where nothing is declared, every dtype agrees."""
        return self.dtype in {None, dtype} or (self.word == NUMBER and dtype in {"int", "float32"})

    @property
    def file(self) -> str:
        """The file that declares it."""
        return self.at.file

    @property
    def line(self) -> int:
        """The line that declares it."""
        return self.at.line


def entry_of(located: LocatedValue, key: str | None) -> RegistryEntry:
    """Return the entry that a value is, in a record under its key.

    Raises:
        NotConstant: it is none, or something about it is not certain.
    """
    if isinstance(located.value, NotConstant):
        raise located.value
    if not isinstance(located.value, dict):
        raise NotConstant(located.at, f"the entry{f' `{key}`' if key else ''} is no object")
    name, _ = _text(located, "name") if key is None or "name" in located.value else (key, located.at)
    if name is None or key not in {None, name}:
        raise NotConstant(located.at, f"the entry `{key}` calls itself `{name}`" if name else "an entry without a name")
    ttl, ttl_at = _seconds(located, name)
    word, dtype_at = _text(located, "dtype")
    if word is not None and word not in DTYPES:
        raise NotConstant(dtype_at, f"the dtype `{word}` of `{name}` is none of {', '.join(DTYPES)}")
    dtype = None if word is None else DTYPES[word]
    return RegistryEntry(name, ttl, dtype, word, _text(located, "source")[0], located.at, ttl_at, dtype_at)


def _field(located: LocatedValue, name: str) -> LocatedValue | None:
    value = located.value.get(name) if isinstance(located.value, dict) else None
    if value is not None and isinstance(value.value, NotConstant):
        raise NotConstant(value.value.place, f"`{name}` is uncertain: {value.value.why}")
    return value


def _text(located: LocatedValue, name: str) -> tuple[str | None, SourceLocation]:
    value = _field(located, name)
    if value is None:
        return None, located.at
    if not isinstance(value.value, str) or not value.value:
        raise NotConstant(value.at, f"`{name}` is no text")
    return value.value, value.at


def _seconds(located: LocatedValue, name: str) -> tuple[int, SourceLocation]:
    value = _field(located, TTL)
    if value is None:
        raise NotConstant(located.at, f"`{name}` has no {TTL}")
    if not isinstance(value.value, float) or value.value != int(value.value) or abs(value.value) >= EXACT:
        raise NotConstant(value.at, f"the {TTL} of `{name}` is no whole number")
    return int(value.value), value.at
