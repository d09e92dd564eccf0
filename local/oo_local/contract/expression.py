"""What constant expressions come to. A value that is no constant keeps its refusal until it is asked for.

Fields that nobody asks for (a function that computes the feature, a schema) may therefore be anything; what decides the
shape of an array or an object (a spread, a computed key) may not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tree_sitter import Node

from oo_local.contract import literals
from oo_local.contract import source as ts
from oo_local.contract.module import Const, Module
from oo_local.contract.source import Place, Refused, Source, children, text

__all__ = ["Expression", "Fields", "Found", "Items", "Value"]

Items = list["Found"]
Fields = dict[str, "Found"]
Value = str | float | bool | Items | Fields | Module | Refused | None
WRAPPERS = {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"}
WORDS = {
    "call_expression": "a function call",
    "new_expression": "a `new`",
    "ternary_expression": "a conditional",
    "arrow_function": "a function",
    "function_expression": "a function",
    "await_expression": "an `await`",
    "undefined": "no value",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it stands: a scalar, an array, an object, a whole module, or why it is unknown."""

    value: Value
    at: Place


class Names(Protocol):
    """Who knows what other names come to."""

    def local(self, module: Module, name: str, at: Place) -> Found: ...
    def exported(self, path: Path, name: str, at: Place) -> Found: ...
    def value(self, module: Module, node: Node) -> Found: ...


@dataclass(frozen=True, slots=True)
class Expression:
    """Expressions of one file."""

    names: Names
    module: Module

    @property
    def source(self) -> Source:
        return self.module.source

    def value(self, node: Node) -> Value:
        known = CONSTANTS.get(node.type)
        return known(self, node) if known else self._inside(node)

    def number(self, node: Node) -> Value:
        return literals.number(self.source, node)

    def word(self, node: Node) -> Value:
        return None if node.type == "null" else node.type == "true"

    def _inside(self, node: Node) -> Value:
        """Types, `as const` and `satisfies` change no value."""
        parts = children(node)
        if node.type == "type_assertion":
            return self.value(parts[-1])
        if node.type in WRAPPERS and (node.type != "parenthesized_expression" or len(parts) == 1):
            return self.value(parts[0])
        word = WORDS.get(node.type, f"a {node.type.replace('_', ' ')}")
        raise self.source.refuse(node, f"{word}: `{' '.join(text(node).split())[:60]}`")

    def string(self, node: Node) -> str:
        """Pieces between the quotes: text as it stands, escapes, and for a template what stands in `${}`."""
        code, start, said = node.text or b"", node.start_byte, ""
        reached = 1
        for part in node.named_children:
            said += code[reached : part.start_byte - start].decode()
            if part.type == "escape_sequence":
                said += literals.escape(self.source, part)
            elif part.type == "template_substitution":
                said += self._written(part)
            else:
                said += text(part)
            reached = part.end_byte - start
        return said + code[reached:-1].decode()

    def _written(self, substitution: Node) -> str:
        inner = children(substitution)
        found = self.value(inner[0]) if len(inner) == 1 else None
        if isinstance(found, float):
            found = literals.key_of(found)
        if not isinstance(found, str):
            raise self.source.refuse(substitution, f"`{text(substitution)}` in a template is no text or whole number")
        return found

    def name(self, node: Node) -> Value:
        binding = self.module.bindings.get(text(node))
        if isinstance(binding, Const) and node.start_byte < binding.value.end_byte:
            inside = node.start_byte >= binding.value.start_byte
            why = "goes round in a cycle" if inside else "is used before it is declared"
            raise self.source.refuse(node, f"`{text(node)}` {why}")
        return self.names.local(self.module, text(node), self.source.place(node)).value

    def operation(self, node: Node) -> str | float:
        operator = text(ts.field(node, "operator"))
        if node.type == "unary_expression":
            argument = self.value(ts.field(node, "argument"))
            if operator in {"-", "+"} and isinstance(argument, float):
                return -argument if operator == "-" else argument
            raise self.source.refuse(node, f"the operation `{text(node)}`")
        left, right = ts.field(node, "left"), ts.field(node, "right")
        if operator == "**" and left.type == "unary_expression":
            raise self.source.refuse(node, "a sign before `**` is a syntax error")
        return self._binary(node, operator, self.value(left), self.value(right))

    def _binary(self, node: Node, operator: str, left: object, right: object) -> str | float:
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return left + right
        if isinstance(left, float) and isinstance(right, float):
            found = literals.calculated(operator, left, right)
            if found is not None:
                return found
        raise self.source.refuse(node, f"the operation `{' '.join(text(node).split())[:60]}`")

    def member(self, node: Node) -> Value:
        """`TTL.day`, `TTL["day"]`, `LIST[0]`, `constants.DAY`."""
        of = self.value(ts.field(node, "object"))
        at = self.source.place(node)
        key: object = (
            text(ts.field(node, "property"))
            if node.type == "member_expression"
            else self.value(ts.field(node, "index"))
        )
        if isinstance(of, Module) and isinstance(key, str):
            return self.names.exported(of.source.path, key, at).value
        if isinstance(of, dict) and isinstance(key, str) and key in of:
            return _certain(of[key])
        if isinstance(of, list) and isinstance(key, float) and key in range(len(of)):
            return _certain(of[int(key)])
        raise Refused(at, f"`{text(node)}` is no constant")

    def array(self, node: Node) -> Items:
        found: Items = []
        comma = True  # another one right after it leaves a hole
        for part in node.children[1:-1]:
            if part.type == "," and comma:
                raise self.source.refuse(part, "a hole in an array")
            if part.type != "comment":
                comma = part.type == ","
            if part.is_named and part.type != "comment":
                found.extend(self._elements(part))
        return found

    def _elements(self, node: Node) -> Items:
        if node.type != "spread_element":
            return [self.names.value(self.module, node)]
        spread = self.value(children(node)[0])
        if isinstance(spread, list):
            return spread
        raise self.source.refuse(node, f"`{text(node)}` spreads what is no array")

    def object(self, node: Node) -> Fields:
        found: Fields = {}
        own: dict[str, Place] = {}
        for part in children(node):
            if part.type == "spread_element":
                found |= self._spread(part)
                continue
            key, value = self._pair(part)
            if key in own and part.type != "method_definition":
                raise self.source.refuse(part, f"`{key}` stands twice, before at {own[key]}")
            if key == "__proto__":
                raise self.source.refuse(part, "`__proto__` is no ordinary key")
            own[key] = self.source.place(part)
            found[key] = value
        return found

    def _spread(self, node: Node) -> Fields:
        spread = self.value(children(node)[0])
        if isinstance(spread, dict):
            return spread
        raise self.source.refuse(node, f"`{text(node)}` spreads what is no object")

    def _pair(self, node: Node) -> tuple[str, Found]:
        at = self.source.place(node)
        try:
            if node.type == "shorthand_property_identifier":
                key = text(node)
                return key, Found(self.name(node), at)
            key = self._key(ts.field(node, "key" if node.type == "pair" else "name"))
        except Refused as refused:
            if node.type != "shorthand_property_identifier":
                raise
            return text(node), Found(refused, at)
        if node.type == "method_definition":
            return key, Found(self.source.refuse(node, f"the method `{key}`"), at)
        try:
            return key, self.names.value(self.module, ts.field(node, "value"))
        except Refused as refused:
            return key, Found(refused, at)

    def _key(self, node: Node) -> str:
        key: object
        if node.type == "computed_property_name":
            key = self.value(children(node)[0])
        elif node.type in {"string", "number"}:
            key = self.value(node)
        else:
            key = text(node)
        if isinstance(key, float):
            key = literals.key_of(key)
        if not isinstance(key, str):
            raise self.source.refuse(node, f"the key `{text(node)}`")
        return key


CONSTANTS: dict[str, Callable[[Expression, Node], Value]] = {
    "number": Expression.number,
    "string": Expression.string,
    "template_string": Expression.string,
    "true": Expression.word,
    "false": Expression.word,
    "null": Expression.word,
    "identifier": Expression.name,
    "array": Expression.array,
    "object": Expression.object,
    "unary_expression": Expression.operation,
    "binary_expression": Expression.operation,
    "member_expression": Expression.member,
    "subscript_expression": Expression.member,
}


def _certain(found: Found) -> Value:
    if isinstance(found.value, Refused):
        raise found.value
    return found.value
