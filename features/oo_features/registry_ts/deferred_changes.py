"""Changes in functions that run later: what they put somewhere, under any name that they give to it."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from oo_features.registry_ts.forms import (
    CHANGES,
    FIELDS,
    FUNCTION_VALUES,
    static_property,
    unwrapped,
)
from oo_features.registry_ts.module import Module
from oo_features.registry_ts.source_file import children, text, walk

__all__ = ["LINKS", "refuse_changes_in", "with_aliases"]

CHANGING = {
    "push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin", "set", "delete", "clear",
}  # fmt: skip
CHANGERS = {"Object.assign", "Object.defineProperty", "Object.defineProperties", "Object.setPrototypeOf", "Reflect.set"}
LINKS = {"member_expression", "subscript_expression"}
ELEMENTS = {"find", "findLast", "at", "get", "values"}


def with_aliases(function: Node, known: set[str]) -> set[str]:
    """Return the names that are known, and those that a function gives to what they stand for."""
    names = set(known)
    while new := {name for name in _aliases(function, names) if name not in names}:
        names |= new
    return names


def refuse_changes_in(module: Module, function: Node, names: set[str]) -> None:
    """Refuse a function that runs later and changes the registry, as far as one sees where it does.

    Raises:
        NotConstant: it may change what one of the names stands for.
    """
    for node in walk(function):
        changed = _changed(node)
        name = None if changed is None else _chain(changed)
        if name in names and not (node.type in CHANGES and changed is not None and changed.type == "identifier"):
            raise module.source.refuse(node, f"`{' '.join(text(node).split())[:60]}` may change `{name}`")


def _changed(node: Node) -> Node | None:
    """Return what a node changes; None when it changes nothing."""
    if node.type in CHANGES:
        return node.child_by_field_name("left") or node.child_by_field_name("argument")
    if node.type == "unary_expression" and text(node).startswith("delete"):
        return node.child_by_field_name("argument")
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if node.type != "call_expression" or callee is None:
        return None
    if text(callee) in CHANGERS and arguments is not None and children(arguments):
        return children(arguments)[0]
    return callee.child_by_field_name("object") if static_property(callee) in CHANGING else None


def _aliases(function: Node, names: set[str]) -> Iterator[str]:
    """Yield the names in `const all = REGISTRY`, `for (const f of REGISTRY)` and `REGISTRY.forEach((f) => …)`."""
    for node in walk(function):
        name = node.child_by_field_name("name") or node.child_by_field_name("left")
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        binds = node.type in {"variable_declarator", "for_in_statement"}
        if binds and name is not None and value is not None and _chain(value) in names and not _is_scalar(value):
            yield from (text(part) for part in walk(name) if "identifier" in part.type)
        callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if node.type == "call_expression" and callee is not None and arguments is not None and _chain(callee) in names:
            for part in children(arguments):
                single = part.child_by_field_name("parameter") or part.child_by_field_name("parameters")
                if part.type in FUNCTION_VALUES and single is not None:
                    yield from (text(below) for below in walk(single) if below.type == "identifier")


def _is_scalar(node: Node) -> bool:
    return static_property(unwrapped(node)) in FIELDS


def _chain(node: Node) -> str | None:
    """Return `REGISTRY` of `REGISTRY[0]!.ttlSec` and of `REGISTRY.find(…)`; not of a new array made from it."""
    node = unwrapped(node)
    while node.type != "identifier":
        callee = node.child_by_field_name("function") if node.type == "call_expression" else None
        if callee is not None and static_property(callee) in ELEMENTS:
            node = callee
        elif node.type not in LINKS:
            return None
        node = unwrapped(node.child_by_field_name("object") or node)
    return text(node)
