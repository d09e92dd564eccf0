"""What a node mentions, and what it writes to: the names in it, and those that get at everything."""

from __future__ import annotations

from itertools import takewhile

from tree_sitter import Node

from oo_features.registry_ts.forms import CHANGES, above, static_property
from oo_features.registry_ts.module import Module
from oo_features.registry_ts.source_file import SourceFile, children, text, walk

__all__ = ["FILLING", "filled", "mentions", "patches", "root", "written"]

MENTIONS = {"identifier", "shorthand_property_identifier"}
EVERYTHING = {"eval", "Function", "globalThis", "global", "window", "self", "exports", "module", "Reflect", "Proxy"}
HIDDEN = {"prototype", "__proto__", "constructor", "setPrototypeOf", "getPrototypeOf", "__defineGetter__"}
OWN_THIS = {"function_declaration", "function_expression", "generator_function", "method_definition"}
FILLING = {"add", "set", "push", "unshift", "splice", "append"}
CONVERSIONS = {"String", "Number", "Boolean"}
BUILTINS = CONVERSIONS | {"Object", "Array", "Map", "Set", "JSON", "Math", "Symbol", "Promise", "Iterator", "BigInt"}
DEFINING = {"Object.assign", "Object.defineProperty", "Object.defineProperties", "Object.setPrototypeOf", "Reflect.set"}


def filled(module: Module, names: set[str]) -> set[str]:
    """Return names that something of the registry may be put into: `seen.add(f)`, `byName[f.name] = f`, `last = f`."""
    statements = [statement for statement in module.source.root.children if mentions(statement, names)]
    owners = (_owner(node) for statement in statements for node in walk(statement))
    return {name for owner in owners if (name := root(owner)) in module.bindings and name is not None}


def _owner(node: Node) -> Node | None:
    """Return what a node puts something into; None when it does not."""
    if node.type in {"assignment_expression", "augmented_assignment_expression", "for_in_statement"}:
        return node.child_by_field_name("left")
    function = node.child_by_field_name("function")
    fills = node.type == "call_expression" and function is not None and static_property(function) in FILLING
    return function if fills else None


def written(source: SourceFile) -> tuple[set[str], set[str]]:
    """Return the names of which a part is assigned to (`o.x = …`), and those that something is defined on."""
    assigned, defined = set(), set()
    for node in walk(source.root):
        left, arguments = node.child_by_field_name("left"), node.child_by_field_name("arguments")
        if node.type in CHANGES and left is not None and left.type != "identifier":
            assigned.add(root(left) or "")
        if arguments is not None and text(node.child_by_field_name("function") or node) in DEFINING:
            defined.add(root(next(iter(children(arguments)), None)) or "")
    return assigned, defined


def root(node: Node | None) -> str | None:
    """Return the name that a chain begins with, as `seen` in `seen.all[0]`."""
    while node is not None and node.type not in MENTIONS:
        node = node.child_by_field_name("object") or next(iter(children(node)), None)
    return None if node is None else text(node)


def mentions(node: Node | None, names: set[str]) -> bool:
    """Return whether a node, or a function within it, has one of these names or one that gets at everything."""
    return node is not None and any(_is_mention(below, names, node) for below in walk(node))


def _is_mention(node: Node, names: set[str], whole: Node) -> bool:
    if node.type in MENTIONS:
        own = text(node) in BUILTINS and not _is_used(node)
        return own or text(node) in names or text(node) in EVERYTHING
    if node.type == "this":  # the module's exports, a class that is being made, or whatever a function is called on
        return not any(outer.type in OWN_THIS for outer in takewhile(lambda outer: outer != whole, above(node)))
    return (node.type == "subscript_expression" and static_property(node) is None) or static_property(node) in HIDDEN


def _is_used(builtin: Node) -> bool:
    """Return whether one of JavaScript's own objects is only called or read here, not changed, renamed or passed on."""
    parent = builtin.parent
    if parent is None:
        return False
    if parent.type in {"call_expression", "new_expression", "extends_clause"}:
        return True
    if parent.type == "arguments":
        return text(builtin) in CONVERSIONS
    if parent.type == "binary_expression":
        return any(part.type == "instanceof" for part in parent.children)
    outer = parent.parent
    if parent.type != "member_expression" or outer is None or parent.child_by_field_name("object") != builtin:
        return False
    changed = outer.type in CHANGES and outer.child_by_field_name("right") != parent
    return not changed and outer.type not in {"unary_expression", "array_pattern", "pair_pattern", "for_in_statement"}


def patches(source: SourceFile) -> Node | None:
    """Return where a file changes one of JavaScript's own objects, so that its methods may do something else."""
    for node in walk(source.root):
        target = node.child_by_field_name("left") if node.type in CHANGES else None
        arguments = node.child_by_field_name("arguments") if node.type == "call_expression" else None
        if target is None and arguments is not None and text(node.child_by_field_name("function") or node) in DEFINING:
            target = next(iter(children(arguments)), None)
        if target is not None and any(_is_patched(below) for below in walk(target)):
            return node
    return None


def _is_patched(node: Node) -> bool:
    return (node.type == "identifier" and text(node) in BUILTINS) or static_property(node) in {"prototype", "__proto__"}
