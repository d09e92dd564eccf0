"""The evaluation of constant expressions. A value that is no constant keeps its refusal until it is needed.

Functions whose body is one expression are evaluated where they are called (`oo_features.registry_ts.call_evaluation`).

Fields that nobody needs (a function that computes the feature, a schema) may therefore be anything; what decides the
shape of an array or an object (a spread, a computed key) may not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tree_sitter import Node

from oo_features.registry_ts import call_evaluation, javascript, literals, object_literals, operators
from oo_features.registry_ts import source_file as ts
from oo_features.registry_ts.module import Const, Module, NonConstant
from oo_features.registry_ts.source_file import NotConstant, SourceFile, SourceLocation, children, text
from oo_features.registry_ts.values import Enumeration, Fields, Function, Items, LocatedValue, Table, Value, truth

__all__ = ["Expression", "Names"]

WRAPPERS = {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"}
WORDS = {
    "await_expression": "an `await`",
    "undefined": "no value",
}


class Names(Protocol):
    """The names that an expression may use."""

    def local(self, module: Module, name: str, place: SourceLocation) -> LocatedValue:
        """Return the value of a top-level name of a file."""

    def exported(self, path: Path, name: str, place: SourceLocation) -> LocatedValue:
        """Return what a file exports under a name."""

    def spend(self, place: SourceLocation) -> None:
        """Count a call, and refuse when there were too many."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Expressions of one file; in the body of a function with its parameters.

    `reached` is how far the file had loaded (bytes) when the function ran, None outside of functions.
    """

    names: Names
    module: Module
    parameters: Fields = field(default_factory=dict)
    reached: int | None = None

    @property
    def source(self) -> SourceFile:
        """The file that the expressions stand in."""
        return self.module.source

    def value(self, node: Node) -> Value:
        """Return the value of an expression.

        Raises:
            NotConstant: it is none that is known to be constant.
        """
        known = CONSTANTS.get(node.type)
        return known(self, node) if known else self._inside(node)

    def number(self, node: Node) -> Value:
        """Return the value of a number literal."""
        return literals.number(self.source, node)

    def word(self, node: Node) -> Value:  # `undefined` has none
        """Return the value of `true`, `false` or `null`."""
        return None if node.type == "null" else node.type == "true"

    def _inside(self, node: Node) -> Value:
        """Return the value inside parentheses and types: `as const` and `satisfies` change no value."""
        parts = children(node)
        if node.type == "type_assertion":
            return self.value(parts[-1])
        if node.type in WRAPPERS and (node.type != "parenthesized_expression" or len(parts) == 1):
            return self.value(parts[0])
        word = WORDS.get(node.type, f"a {node.type.replace('_', ' ')}")
        raise self.source.refuse(node, f"{word}: `{' '.join(text(node).split())[:60]}`")

    def string(self, node: Node) -> str:
        """Return the text between the quotes: pieces as they stand, escapes, and for a template what stands in
        `${}`."""
        code, start, value = node.text or b"", node.start_byte, ""
        reached = 1
        for part in node.named_children:
            value += code[reached : part.start_byte - start].decode()
            if part.type == "escape_sequence":
                value += literals.escape(self.source, part)
            elif part.type == "template_substitution":
                value += self._written(part)
            else:
                value += text(part)
            reached = part.end_byte - start
        return value + code[reached:-1].decode()

    def _written(self, substitution: Node) -> str:
        inner = children(substitution)
        value = self.value(inner[0]) if len(inner) == 1 else None
        if isinstance(value, float):
            value = literals.key_of(value)
        if not isinstance(value, str):
            raise self.source.refuse(substitution, f"`{text(substitution)}` in a template is no text or whole number")
        return value

    def name(self, node: Node) -> Value:
        """Return the value of a name: a parameter's, or a constant's that is declared before it is used."""
        if text(node) in self.parameters:
            return _certain(self.parameters[text(node)])
        binding = self.module.bindings.get(text(node))
        start = node.start_byte if self.reached is None else self.reached
        declared = _declaration(binding)
        if declared is not None and start < declared.end_byte:
            inside = start >= declared.start_byte
            why = "goes round in a cycle" if inside else "is used before it is declared"
            raise self.source.refuse(node, f"`{text(node)}` {why}")
        return self.names.local(self.module, text(node), self.source.place(node)).value

    def function(self, node: Node) -> Function:
        """Return a function with the parameters around it."""
        return Function(self.module, node, self.parameters, self.reached)

    def call(self, node: Node) -> Value:
        """Return the value of a call."""
        return call_evaluation.call(self, node)

    def condition(self, node: Node) -> Value:
        """Return the value of `condition ? consequence : alternative`."""
        chosen = "consequence" if truth(self.value(ts.field(node, "condition"))) else "alternative"
        return self.value(ts.field(node, chosen))

    def member(self, node: Node) -> Value:
        """Return the value of `TTL.day`, `TTL["day"]`, `LIST[0]` or `constants.DAY`."""
        owner = self.value(ts.field(node, "object"))
        place = self.source.place(node)
        key: object = (
            text(ts.field(node, "property"))
            if node.type == "member_expression"
            else self.value(ts.field(node, "index"))
        )
        if isinstance(owner, Module) and isinstance(key, str):
            return self.names.exported(owner.source.path, key, place).value
        if isinstance(owner, Enumeration):
            owner = owner.members
        if isinstance(owner, dict) and isinstance(key, str) and key in owner:
            return _certain(owner[key])
        if isinstance(owner, list | str) and key == "length":
            return float(len(owner)) if isinstance(owner, list) else float(len(owner.encode("utf-16-le")) // 2)
        if isinstance(owner, Table) and key == "size":
            return float(len(owner.items))
        if isinstance(owner, list) and isinstance(key, float) and key in range(len(owner)):
            return _certain(owner[int(key)])
        raise NotConstant(place, f"`{text(node)}` is no constant")

    def array(self, node: Node) -> Items:
        """Return the items of an array literal, with those that it spreads."""
        items: Items = []
        comma = True  # another one right after it leaves a hole
        for part in node.children[1:-1]:
            if part.type == "," and comma:
                raise self.source.refuse(part, "a hole in an array")
            if part.type != "comment":
                comma = part.type == ","
            if part.is_named and part.type != "comment":
                items.extend(self._elements(part))
        return items

    def _elements(self, node: Node) -> Items:
        if node.type != "spread_element":
            return [LocatedValue(self.value(node), self.source.place(node))]
        spread = javascript.listed(self.value(children(node)[0]), self.source.place(node))
        if spread is not None:
            return spread
        raise self.source.refuse(node, f"`{text(node)}` spreads what is no array")


CONSTANTS: dict[str, Callable[[Expression, Node], Value]] = {
    "number": Expression.number,
    "string": Expression.string,
    "template_string": Expression.string,
    "true": Expression.word,
    "false": Expression.word,
    "null": Expression.word,
    "identifier": Expression.name,
    "array": Expression.array,
    "object": object_literals.fields_of,
    "unary_expression": operators.operation,
    "binary_expression": operators.operation,
    "member_expression": Expression.member,
    "subscript_expression": Expression.member,
    "call_expression": Expression.call,
    "new_expression": Expression.call,
    "ternary_expression": Expression.condition,
    "arrow_function": Expression.function,
    "function_expression": Expression.function,
}


def _declaration(binding: object) -> Node | None:
    """Return the node that has to have run before a name has its value; functions have theirs from the start."""
    if isinstance(binding, Const):
        return binding.value
    return binding.node if isinstance(binding, NonConstant) and binding.node.type == "enum_declaration" else None


def _certain(located: LocatedValue) -> Value:
    if isinstance(located.value, NotConstant):
        raise located.value
    return located.value
