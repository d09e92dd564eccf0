"""JavaScript's own objects, as far as they only read: arrays, Maps, Sets, `Object` and `Array`."""

from __future__ import annotations

from collections.abc import Callable

from oo_features.registry_ts.source_file import NotConstant, SourceLocation
from oo_features.registry_ts.values import Fields, Items, LocatedValue, MapIterator, Table, Value, truth

__all__ = ["ARRAY", "CALLBACKS", "STATIC", "TABLE", "Applied", "certain", "listed", "table"]

MAX_CALLBACK_ARGUMENTS = 2  # element and index; the array itself is not passed on
Applied = Callable[[Items], Value]


def listed(value: Value, place: SourceLocation) -> Items | None:
    """Return what spreading a value gives, or None when it cannot be spread into an array."""
    if isinstance(value, MapIterator):
        return value.items
    if isinstance(value, Table):
        pairs = value.items.values()
        return [key for key, _ in pairs] if value.is_set else [LocatedValue([key, item], place) for key, item in pairs]
    return value if isinstance(value, list) else None


def certain(located: LocatedValue) -> Value:
    """Return the value.

    Raises:
        NotConstant: the value is no constant.
    """
    if isinstance(located.value, NotConstant):
        raise located.value
    return located.value


def table(kind: str, items: Items, place: SourceLocation) -> Table:
    """Return `new Map(items)` or `new Set(items)`."""
    pairs = [_pair(item) if kind == "Map" else (item, item) for item in items]
    return Table({_key(key, place): (key, value) for key, value in pairs}, is_set=kind == "Set")


def _key(located: LocatedValue, place: SourceLocation) -> tuple[type, str | float | bool | None]:
    value = certain(located)
    if not isinstance(value, str | float | bool | None):
        raise NotConstant(place, "a key that is no scalar")
    return type(value), value


def _pair(located: LocatedValue) -> tuple[LocatedValue, LocatedValue]:
    if not isinstance(located.value, list) or len(located.value) != 2:
        raise NotConstant(located.at, "is no pair of a key and a value")
    return located.value[0], located.value[1]


def _fields(value: Value, place: SourceLocation) -> Fields:
    """Return the fields of an object whose keys are in the order of the text: JavaScript lists whole numbers first."""
    if not isinstance(value, dict) or any(key.isdigit() for key in value):
        raise NotConstant(place, "lists what is no object with words as keys")
    return value


def _same(arguments: list[Value], _: SourceLocation) -> Value:
    return arguments[0]


def _array_from(arguments: list[Value], place: SourceLocation) -> Value:
    items = listed(arguments[0], place)
    if items is None or len(arguments) > 1:
        raise NotConstant(place, "an `Array.from` of what is no array")
    return list(items)


def _entries(arguments: list[Value], place: SourceLocation) -> Value:
    return [
        LocatedValue([LocatedValue(key, item.at), item], item.at) for key, item in _fields(arguments[0], place).items()
    ]


def _from_entries(arguments: list[Value], place: SourceLocation) -> Value:
    fields: Fields = {}
    for item in listed(arguments[0], place) or []:
        key, value = _pair(item)
        name = certain(key)
        if not isinstance(name, str) or name == "__proto__":
            raise NotConstant(place, "a key that is no text")
        fields[name] = value
    return fields


def _slice(items: Items, arguments: list[Value], place: SourceLocation) -> Value:
    bounds = [int(value) for value in arguments if isinstance(value, float) and value == int(value)]
    if len(bounds) != len(arguments) or len(bounds) > 2:
        raise NotConstant(place, "a `slice` between what are no whole numbers")
    return items[slice(*bounds)] if len(bounds) == 2 else items[bounds[0] :] if bounds else list(items)


def _concat(items: Items, arguments: list[Value], place: SourceLocation) -> Value:
    return [
        *items,
        *(part for value in arguments for part in (value if isinstance(value, list) else [LocatedValue(value, place)])),
    ]


def _includes(items: Items, arguments: list[Value], place: SourceLocation) -> Value:
    if len(arguments) != 1 or not isinstance(arguments[0], str | float | bool | None):
        raise NotConstant(place, "an `includes` of what is no scalar")
    return any((type(item), item) == (type(arguments[0]), arguments[0]) for item in map(certain, items))


def _flat(items: Items, arguments: list[Value], place: SourceLocation) -> Value:
    if arguments:
        raise NotConstant(place, "a `flat` of a certain depth")
    return [part for item in items for part in (item.value if isinstance(item.value, list) else [item])]


def _get(table: Table, arguments: list[Value], place: SourceLocation) -> Value:
    entry = table.items.get(_key(LocatedValue(arguments[0], place), place)) if len(arguments) == 1 else None
    if entry is None or table.is_set:
        raise NotConstant(place, "a key that the Map has not")
    return certain(entry[1])


def _has(table: Table, arguments: list[Value], place: SourceLocation) -> Value:
    return len(arguments) == 1 and _key(LocatedValue(arguments[0], place), place) in table.items


def _each(items: Items, applied: Applied, place: SourceLocation) -> list[Value]:
    return [
        applied([item, LocatedValue(float(index), place)][:MAX_CALLBACK_ARGUMENTS]) for index, item in enumerate(items)
    ]


def _kept(items: Items, applied: Applied, place: SourceLocation) -> Items:
    return [item for item, value in zip(items, _each(items, applied, place), strict=True) if truth(value)]


def _first(items: Items, applied: Applied, place: SourceLocation) -> Value:
    matching = _kept(items, applied, place)
    if not matching:
        raise NotConstant(place, "a `find` that finds nothing")
    return certain(matching[0])


CALLBACKS: dict[str, Callable[[Items, Applied, SourceLocation], Value]] = {
    "map": lambda items, applied, at: [LocatedValue(value, at) for value in _each(items, applied, at)],
    "flatMap": lambda items, applied, at: _flat(
        [LocatedValue(value, at) for value in _each(items, applied, at)], [], at
    ),
    "filter": _kept,
    "find": _first,
    "some": lambda items, applied, at: any(map(truth, _each(items, applied, at))),
    "every": lambda items, applied, at: all(map(truth, _each(items, applied, at))),
}
ARRAY: dict[str, Callable[[Items, list[Value], SourceLocation], Value]] = {
    "slice": _slice,
    "concat": _concat,
    "includes": _includes,
    "flat": _flat,
}
TABLE: dict[str, Callable[[Table, list[Value], SourceLocation], Value]] = {
    "get": _get,
    "has": _has,
    "values": lambda table, *_: MapIterator([value for _, value in table.items.values()]),
    "keys": lambda table, *_: MapIterator([key for key, _ in table.items.values()]),
    "entries": lambda table, _, at: MapIterator(listed(table, at) or []),
}
STATIC: dict[str, Callable[[list[Value], SourceLocation], Value]] = {
    "Object.freeze": _same,
    "Object.seal": _same,
    "Object.keys": lambda arguments, at: [
        LocatedValue(key, item.at) for key, item in _fields(arguments[0], at).items()
    ],
    "Object.values": lambda arguments, at: list(_fields(arguments[0], at).values()),
    "Object.entries": _entries,
    "Object.fromEntries": _from_entries,
    "Array.from": _array_from,
}
