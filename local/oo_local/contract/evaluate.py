"""What constant expressions come to, over several files. A value that is no constant keeps its refusal until asked for.

Fields that nobody asks for (a function that computes the feature, a schema) may therefore be anything; what decides the
shape of an array or an object (a spread, a computed key) may not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tree_sitter import Node

from oo_local.contract import source as ts
from oo_local.contract.literals import calculated, escape, key_of, number
from oo_local.contract.module import Const, Imported, Module, Unknown, load, resolved
from oo_local.contract.source import Place, Refused, Source, children, text

__all__ = ["Evaluator", "Fields", "Found", "Items", "Name", "Value"]

Items = list["Found"]
Fields = dict[str, "Found"]
Name = tuple[Path, str]
Value = str | float | bool | Items | Fields | Module | Refused | None
WRAPPERS = {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"}
WORDS = {
    "call_expression": "a function call",
    "new_expression": "a `new`",
    "ternary_expression": "a conditional",
    "arrow_function": "a function",
    "function_expression": "a function",
    "await_expression": "an `await`",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it stands: a scalar, an array, an object, a whole module, or why it is unknown."""

    value: Value
    at: Place


@dataclass(slots=True)
class Evaluator:
    """Evaluates names of files, each once; remembers which names each one was made from."""

    modules: dict[Path, Module] = field(default_factory=dict)
    known: dict[Name, Found] = field(default_factory=dict)
    uses: dict[Name, set[Name]] = field(default_factory=dict)
    under_way: list[Name] = field(default_factory=list)

    def module(self, path: Path) -> Module:
        if path not in self.modules:
            self.modules[path] = load(path)
        return self.modules[path]

    def exported(self, path: Path, name: str, at: Place) -> Found:
        """What a file exports under a name."""
        return self._once((path, f"export {name}"), at, lambda: self._exported(self.module(path), name, at))

    def made_from(self, name: Name) -> set[Name]:
        """Every name that this one's value was made from, itself among them."""
        found, waiting = {name}, [name]
        while waiting:
            new = self.uses.get(waiting.pop(), set()) - found
            found |= new
            waiting.extend(new)
        return found

    def _once(self, name: Name, at: Place, make: Callable[[], Found]) -> Found:
        if self.under_way:
            self.uses.setdefault(self.under_way[-1], set()).add(name)
        if name in self.known:
            return self.known[name]
        elsewhere = bool(self.under_way) and self.under_way[-1][0] != name[0]
        if name in self.under_way or (elsewhere and any(path == name[0] for path, _ in self.under_way)):
            raise Refused(at, f"`{name[1]}` goes round in a cycle")
        self.under_way.append(name)
        try:
            self.known[name] = make()
        finally:
            self.under_way.pop()
        return self.known[name]

    def _exported(self, module: Module, name: str, at: Place) -> Found:
        what = module.exports.get(name)
        if isinstance(what, str):
            return self.local(module, what, at)
        if isinstance(what, Imported):
            return self._imported(module, what)
        if what is not None:
            return self.value(module, what)
        return self._through_stars(module, name, at)

    def _through_stars(self, module: Module, name: str, at: Place) -> Found:
        holding = {path for path in self._starred(module) if name != "default" and name in self.exports(path)}
        if len(holding) == 1:
            return self.exported(holding.pop(), name, at)
        why = "is exported by several of its files" if holding else "is not exported there"
        raise Refused(at, f"`{name}` of {module.source.path} {why}")

    def _starred(self, module: Module) -> list[Path]:
        path = module.source.path
        return [resolved(path, star.specifier, module.source.place(star.node)) for star in module.stars]

    def exports(self, path: Path, seen: tuple[Path, ...] = ()) -> list[str]:
        """Every name that a file exports, with those that `export *` hands on."""
        if path in seen:
            return []
        module = self.module(path)
        handed = [name for other in self._starred(module) for name in self.exports(other, (*seen, path))]
        return list(dict.fromkeys([*module.exports, *(name for name in handed if name != "default")]))

    def _imported(self, module: Module, what: Imported) -> Found:
        at = module.source.place(what.node)
        path = resolved(module.source.path, what.specifier, at)
        if what.name == "*":
            return Found(self.module(path), at)
        return self.exported(path, what.name, at)

    def local(self, module: Module, name: str, at: Place) -> Found:
        """The value of a top-level name."""
        binding = module.bindings.get(name)
        if binding is None:
            raise Refused(at, f"`{name}` is not declared as a constant here")
        if isinstance(binding, Unknown):
            raise Refused(at, f"`{name}` is {binding.what}, not a constant")
        if isinstance(binding, Imported):
            imported = binding
            return self._once((module.source.path, name), at, lambda: self._imported(module, imported))
        value = binding.value
        return self._once((module.source.path, name), at, lambda: self.value(module, value))

    def value(self, module: Module, node: Node) -> Found:
        """What an expression comes to.

        Raises:
            Refused: it is no constant.
        """
        return Found(_Expression(self, module).value(node), module.source.place(node))


@dataclass(frozen=True, slots=True)
class _Expression:
    evaluator: Evaluator
    module: Module

    @property
    def source(self) -> Source:
        return self.module.source

    def value(self, node: Node) -> Value:
        known = CONSTANTS.get(node.type)
        return known(self, node) if known else self._inside(node)

    def _number(self, node: Node) -> Value:
        return number(self.source, node)

    def _word(self, node: Node) -> Value:
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

    def _string(self, node: Node) -> str:
        """Pieces between the quotes: text as it stands, escapes, and for a template what stands in `${}`."""
        code, start, said = node.text or b"", node.start_byte, ""
        reached = 1
        for part in node.named_children:
            said += code[reached : part.start_byte - start].decode()
            if part.type == "escape_sequence":
                said += escape(self.source, part)
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
            found = key_of(found)
        if not isinstance(found, str):
            raise self.source.refuse(substitution, f"`{text(substitution)}` in a template is no text or whole number")
        return found

    def _name(self, node: Node) -> Value:
        binding = self.module.bindings.get(text(node))
        if isinstance(binding, Const) and node.start_byte < binding.value.end_byte:
            inside = node.start_byte >= binding.value.start_byte
            why = "goes round in a cycle" if inside else "is used before it is declared"
            raise self.source.refuse(node, f"`{text(node)}` {why}")
        return self.evaluator.local(self.module, text(node), self.source.place(node)).value

    def _operation(self, node: Node) -> str | float:
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
            found = calculated(operator, left, right)
            if found is not None:
                return found
        raise self.source.refuse(node, f"the operation `{' '.join(text(node).split())[:60]}`")

    def _member(self, node: Node) -> Value:
        """`TTL.day`, `TTL["day"]`, `LIST[0]`, `constants.DAY`."""
        of = self.value(ts.field(node, "object"))
        at = self.source.place(node)
        key: object = (
            text(ts.field(node, "property"))
            if node.type == "member_expression"
            else self.value(ts.field(node, "index"))
        )
        if isinstance(of, Module) and isinstance(key, str):
            return self.evaluator.exported(of.source.path, key, at).value
        if isinstance(of, dict) and isinstance(key, str) and key in of:
            return _certain(of[key])
        if isinstance(of, list) and isinstance(key, float) and key in range(len(of)):
            return _certain(of[int(key)])
        raise Refused(at, f"`{text(node)}` is no constant")

    def _array(self, node: Node) -> Items:
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
            return [self.evaluator.value(self.module, node)]
        spread = self.value(children(node)[0])
        if isinstance(spread, list):
            return spread
        raise self.source.refuse(node, f"`{text(node)}` spreads what is no array")

    def _object(self, node: Node) -> Fields:
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
                return key, Found(self._name(node), at)
            key = self._key(ts.field(node, "key" if node.type == "pair" else "name"))
        except Refused as refused:
            if node.type != "shorthand_property_identifier":
                raise
            return text(node), Found(refused, at)
        if node.type == "method_definition":
            return key, Found(self.source.refuse(node, f"the method `{key}`"), at)
        try:
            return key, self.evaluator.value(self.module, ts.field(node, "value"))
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
            key = key_of(key)
        if not isinstance(key, str):
            raise self.source.refuse(node, f"the key `{text(node)}`")
        return key


CONSTANTS: dict[str, Callable[[_Expression, Node], Value]] = {
    "number": _Expression._number,
    "string": _Expression._string,
    "template_string": _Expression._string,
    "true": _Expression._word,
    "false": _Expression._word,
    "null": _Expression._word,
    "identifier": _Expression._name,
    "array": _Expression._array,
    "object": _Expression._object,
    "unary_expression": _Expression._operation,
    "binary_expression": _Expression._operation,
    "member_expression": _Expression._member,
    "subscript_expression": _Expression._member,
}


def _certain(found: Found) -> Value:
    if isinstance(found.value, Refused):
        raise found.value
    return found.value
