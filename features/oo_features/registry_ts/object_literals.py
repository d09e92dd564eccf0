"""The evaluation of object literals: their pairs, what is spread into them, and their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from oo_features.registry_ts import literals
from oo_features.registry_ts import source_file as ts
from oo_features.registry_ts.source_file import NotConstant, SourceLocation, children, text
from oo_features.registry_ts.values import Fields, LocatedValue

if TYPE_CHECKING:
    from oo_features.registry_ts.expression import Expression

__all__ = ["fields_of"]


def fields_of(expression: Expression, node: Node) -> Fields:
    """Return the fields of an object literal, with those that it spreads.

    Raises:
        NotConstant: which fields it has is not certain.
    """
    fields: Fields = {}
    own_places: dict[str, SourceLocation] = {}
    for part in children(node):
        if part.type == "spread_element":
            fields |= _spread(expression, part)
            continue
        key, value = _pair(expression, part)
        if key in own_places and part.type != "method_definition":
            raise expression.source.refuse(part, f"`{key}` stands twice, before at {own_places[key]}")
        if key == "__proto__":
            raise expression.source.refuse(part, "`__proto__` is no ordinary key")
        own_places[key] = expression.source.place(part)
        fields[key] = value
    return fields


def _spread(expression: Expression, node: Node) -> Fields:
    spread = expression.value(children(node)[0])
    if isinstance(spread, dict):
        return spread
    raise expression.source.refuse(node, f"`{text(node)}` spreads what is no object")


def _pair(expression: Expression, node: Node) -> tuple[str, LocatedValue]:
    place = expression.source.place(node)
    try:
        if node.type == "shorthand_property_identifier":
            key = text(node)
            return key, LocatedValue(expression.name(node), place)
        key = _key(expression, ts.field(node, "key" if node.type == "pair" else "name"))
    except NotConstant as refused:
        if node.type != "shorthand_property_identifier":
            raise
        return text(node), LocatedValue(refused, place)
    if node.type == "method_definition":
        return key, LocatedValue(expression.source.refuse(node, f"the method `{key}`"), place)
    try:
        value = ts.field(node, "value")
        return key, LocatedValue(expression.value(value), expression.source.place(value))
    except NotConstant as refused:
        return key, LocatedValue(refused, place)


def _key(expression: Expression, node: Node) -> str:
    key: object
    if node.type == "computed_property_name":
        key = expression.value(children(node)[0])
    elif node.type in {"string", "number"}:
        key = expression.value(node)
    else:
        key = text(node)
    if isinstance(key, float):
        key = literals.key_of(key)
    if not isinstance(key, str):
        raise expression.source.refuse(node, f"the key `{text(node)}`")
    return key
