"""The forms of TypeScript's syntax tree that are told apart here, and small functions of a node."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from tree_sitter import Node

from oo_features.registry_ts.module import CLASSES, FUNCTIONS
from oo_features.registry_ts.source_file import children, text, walk

__all__ = [
    "BUILT", "CALLBACKS", "CHANGES", "DEFERRED", "EXPRESSIONS", "FIELDS", "FUNCTION_VALUES", "NEVER", "PLAIN",
    "READERS", "READING", "SCALARS", "STATEMENTS", "above", "declared", "is_new", "new_names", "parameters",
    "static_property", "unwrapped",
]  # fmt: skip

CHANGES = {"assignment_expression", "augmented_assignment_expression", "update_expression"}
FUNCTION_VALUES = {"arrow_function", "function_expression", "generator_function"}
DEFERRED = (
    FUNCTION_VALUES | FUNCTIONS | {"method_definition", "ambient_declaration", "import_statement", "import_alias"}
)
NEVER = {"type_alias_declaration", "interface_declaration", "comment", "empty_statement"}
SAME = {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "type_assertion"}
# The parts of these are checked in turn; nothing in them changes anything by itself.
STATEMENTS = {
    "expression_statement", "if_statement", "else_clause", "statement_block", "return_statement", "throw_statement",
    "for_statement", "while_statement", "do_statement", "switch_statement", "switch_body", "switch_case",
    "switch_default", "try_statement", "catch_clause", "finally_clause", "labeled_statement", "break_statement",
    "continue_statement", "lexical_declaration", "variable_declaration", "variable_declarator", "for_in_statement",
    "enum_declaration", "enum_body", "enum_assignment", "export_statement", "export_clause", "class_body",
    "class_heritage", "extends_clause", "class_static_block", "public_field_definition",
    "namespace_export", "export_specifier", *CLASSES,
}  # fmt: skip
EXPRESSIONS = {
    "identifier", "shorthand_property_identifier", "this", "array", "object", "pair", "spread_element",
    "computed_property_name", "binary_expression", "ternary_expression", "template_string", "template_substitution",
    "sequence_expression", "class", "member_expression", "subscript_expression", "arguments", "object_pattern",
    "array_pattern", "pair_pattern", "rest_pattern", "assignment_pattern", "object_assignment_pattern",
    "shorthand_property_identifier_pattern", *SAME,
}  # fmt: skip
CALLBACKS = {"map", "filter", "find", "findIndex", "findLast", "findLastIndex", "some", "every", "reduce",
             "reduceRight", "flatMap", "forEach", "toSorted"}  # fmt: skip
READING = CALLBACKS | {"includes", "indexOf", "lastIndexOf", "join", "slice", "concat", "at", "flat", "keys", "values",
                       "entries", "get", "has", "toReversed", "toString", "toSpliced", "with"}  # fmt: skip
SCALARS = {"includes", "indexOf", "lastIndexOf", "join", "some", "every", "findIndex", "has", "toString"}
READERS = {
    "Object.keys", "Object.values", "Object.entries", "Object.fromEntries", "Object.freeze", "Object.seal",
    "Object.isFrozen", "Object.is", "Object.hasOwn", "Array.from", "Array.of", "Array.isArray", "JSON.stringify",
    "console.log", "console.info", "console.debug", "console.warn", "console.error", "console.table", "console.assert",
    "Math.max", "Math.min", "Promise.resolve",
}  # fmt: skip
BUILT = {"Map", "Set", "WeakMap", "WeakSet", "Array", "Error", "TypeError", "RangeError", "String", "Number", "Boolean",
         "structuredClone"}  # fmt: skip
PLAIN = {"String", "Number", "Boolean"}
FIELDS = {"name", "ttlSec", "dtype", "length", "size"}  # fields of an entry or a list that hold scalars


def static_property(node: Node) -> str | None:
    """Return the last link of `a.b` or `a["b"]`, and "" where it is not a name.

    The link of a computed property is None, unless it is a plain name or a number.
    """
    if node.type == "member_expression":
        property_node = node.child_by_field_name("property")
        return text(property_node) if property_node is not None else None
    if node.type != "subscript_expression":
        return ""
    property_node = node.child_by_field_name("index")
    if property_node is not None and property_node.type == "binary_expression":  # `list[at + 1]` has no hidden name
        return "" if any(part.type == "number" for part in children(property_node)) else None
    if property_node is None or property_node.type not in {"string", "number", "identifier", "member_expression"}:
        return None
    return text(property_node).strip("\"'") if property_node.type in {"string", "number"} else ""


def above(node: Node) -> Iterator[Node]:
    """Yield the nodes around a node, the nearest first."""
    while (parent := node.parent) is not None:
        yield parent
        node = parent


def unwrapped(node: Node) -> Node:
    """Return the expression inside parentheses and types."""
    while node.type in SAME and children(node):
        node = children(node)[-1 if node.type == "type_assertion" else 0]
    return node


def is_new(node: Node | None, bindings: Container[str]) -> bool:
    """Return whether a value is `[]`, `{}`, `new Map()` or `new Set()`, and so holds nothing that was there before.

    `bindings` are the file's names.
    """
    if node is None:
        return False
    node = unwrapped(node)
    if node.type == "new_expression":
        arguments = node.child_by_field_name("arguments")
        name = text(node.child_by_field_name("constructor") or node)
        return name in {"Map", "Set"} and name not in bindings and (arguments is None or not children(arguments))
    return node.type in {"array", "object"} and not children(node)


def declared(function: Node) -> Iterable[Node]:
    """Yield the names of a function's parameters and of the variables in its body."""
    for node in walk(function):
        parent = node.parent
        if node.type not in {"identifier", "shorthand_property_identifier_pattern"} or parent is None:
            continue
        pattern = parent.type.endswith(("_pattern", "parameter")) and parent.child_by_field_name("value") != node
        is_target = node in (parent.child_by_field_name(part) for part in ("name", "left", "parameter", "pattern"))
        binds = (
            parent.type in {"variable_declarator", "for_in_statement", "catch_clause", "arrow_function"} and is_target
        )
        if parent.type == "for_in_statement" and parent.child_by_field_name("kind") is None:
            continue  # it assigns to what stands there
        if pattern or binds or (parent.type == "pair_pattern" and parent.child_by_field_name("value") == node):
            yield node


def parameters(function: Node) -> list[str]:
    """Return the names of a function's plain parameters."""
    parameters_node = function.child_by_field_name("parameters")
    patterns = [
        part.child_by_field_name("pattern")
        for part in (children(parameters_node) if parameters_node is not None else [])
    ]
    return [text(pattern) for pattern in patterns if pattern is not None and pattern.type == "identifier"]


def new_names(function: Node, bindings: Container[str]) -> Iterable[str]:
    """Yield the constants of a body that begin empty."""
    for node in walk(function):
        if node.type == "lexical_declaration" and text(node).startswith("const"):
            for declarator in children(node):
                name = declarator.child_by_field_name("name")
                if name is not None and is_new(declarator.child_by_field_name("value"), bindings):
                    yield text(name)
