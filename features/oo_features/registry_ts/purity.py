"""The check that what a file does while it loads leaves the registry as it was evaluated.

A mention of a name that gets at the registry has to stand in a form that is known to read only; every other form is
refused. Functions that are called while the file loads are looked into, with their parameters as such names.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tree_sitter import Node

from oo_features.registry_ts.forms import (
    BUILT,
    CALLBACKS,
    DEFERRED,
    EXPRESSIONS,
    FIELDS,
    FUNCTION_VALUES,
    NEVER,
    READING,
    SCALARS,
    STATEMENTS,
    declared,
    is_new,
    new_names,
    parameters,
    static_property,
    unwrapped,
)
from oo_features.registry_ts.imports import LOADING
from oo_features.registry_ts.mentions import FILLING, mentions, written
from oo_features.registry_ts.module import Module
from oo_features.registry_ts.name_scope import NameScope
from oo_features.registry_ts.source_file import NotConstant, children, text, walk

__all__ = ["Purity"]


UNRUN = {"type_parameters", "type_annotation", "identifier"}  # parts of a function, beside its parameters and body


@dataclass(frozen=True, slots=True)
class Purity(NameScope):
    """The check of one file, or of a function of it; `active` are the functions that are being looked into."""

    active: list[Node] = field(default_factory=list)

    def check(self, node: Node) -> None:
        """Refuse what may change something; what mentions nothing, or runs later, is left alone.

        Raises:
            NotConstant: a form that is not known to read only.
        """
        if node.type in DEFERRED | NEVER or not self.mentions(node):
            return
        special = FORMS.get(node.type)
        if special is not None:
            special(self, node)
        elif node.type in STATEMENTS | EXPRESSIONS:
            for part in children(node):
                self.check(part)
        else:
            raise self.refusal(node)

    def read(self, node: Node) -> None:
        """Check `a.b` and `a[0]`: reading runs nothing, unless the property is an accessor that does something."""
        name = static_property(node)
        if name is None or name in self.dangerous or (name == "" and self.dangerous):
            raise self.refusal(node)
        for part in children(node):
            self.check(part)

    def pattern(self, node: Node) -> None:
        """Check a pattern like `{ name }`, which reads properties."""
        keys = {text(part) for part in walk(node) if part.type.startswith(("shorthand", "property"))}
        if keys & self.dangerous:
            raise self.refusal(node)
        for part in children(node):
            self.check(part)

    def loop(self, node: Node) -> None:
        """Check `for (const f of all)`; without a `const`, each round assigns to an existing variable."""
        left, kind = node.child_by_field_name("left"), node.child_by_field_name("kind")
        if left is None or (kind is None and not (self.is_variable(left) and self.is_known(left))):
            raise self.refusal(node)
        for part in children(node):
            self.check(part)

    def unary(self, node: Node) -> None:
        """Check a unary operation: `delete` is refused."""
        if text(node).startswith("delete"):
            raise self.refusal(node)
        for part in children(node):
            self.check(part)

    def assignment(self, node: Node) -> None:
        """Check an assignment: to a variable, or to a part of something new of our own, which nobody else has."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        owner = left if left is not None else node.child_by_field_name("argument")
        if owner is None or not (self.is_variable(owner) or self.is_place(owner)):
            raise self.refusal(node)
        if right is not None:
            self.check(right)
        if not (self.is_known(owner) or right is None or self.is_scalar(right)):
            raise self.refusal(node)

    def call(self, node: Node) -> None:
        """Check a call or a `new`, and run the function that it calls if that is known."""
        callee = unwrapped(node.child_by_field_name("function") or node.child_by_field_name("constructor") or node)
        arguments_node = node.child_by_field_name("arguments")
        if arguments_node is not None and arguments_node.type != "arguments":
            raise self.refusal(node)
        arguments = children(arguments_node) if arguments_node is not None else []
        if callee.type in FUNCTION_VALUES:
            self.run(self.module, callee, self._checked(arguments))
        elif callee.type == "identifier":
            self._call_name(node, callee, arguments)
        elif callee.type == "member_expression":
            self._call_method(node, callee, arguments)
        elif text(callee) not in LOADING:
            raise self.refusal(node)

    def _call_name(self, node: Node, callee: Node, arguments: list[Node]) -> None:
        name = text(callee)
        function = self.function(callee)
        if function is not None and node.type == "call_expression":
            self._run_by_name(node, function, self._checked(arguments))
        elif name in LOADING or (name in BUILT and name not in self.module.bindings and name not in self.names):
            self._checked(arguments)
        elif self.mentions(callee) or not all(self.is_scalar(argument) for argument in arguments):
            raise self.refusal(node)

    def _run_by_name(self, call: Node, function: tuple[Module, Node], reaches_registry: bool) -> None:
        try:
            self.run(*function, reaches_registry)
        except NotConstant as inside:
            refusal = self.refusal(call)
            raise NotConstant(refusal.place, f"{refusal.why}: {inside.place}, {inside.why}") from None

    def _call_method(self, node: Node, callee: Node, arguments: list[Node]) -> None:
        owner, name = unwrapped(callee.child_by_field_name("object") or callee), static_property(callee) or ""
        if (name in FILLING and self.is_filled(owner)) or self.is_reader(callee):
            self._checked(arguments)
        elif owner.type == "identifier" and (function := self.method(owner, name)) is not None:
            self._run_by_name(node, function, self._checked(arguments))
        elif not self.mentions(owner) and owner.type != "array":
            if not all(self.is_scalar(argument) for argument in arguments):
                raise self.refusal(node)
        elif name not in READING or name in self.dangerous or node.type != "call_expression":
            raise self.refusal(node)
        else:
            self.check(owner)
            for argument in arguments:
                self._argument(argument, arguments, name)

    def _checked(self, arguments: list[Node]) -> bool:
        """Check arguments, and return whether any of them may be the registry's.

        A class that mentions it is not passed on.
        """
        for argument in arguments:
            self.check(argument)
            if argument.type in FUNCTION_VALUES:
                self.run(self.module, argument, True)
            elif argument.type == "class" and self.mentions(argument):
                raise self.refusal(argument)
        return not all(self.is_scalar(argument) for argument in arguments)

    def _argument(self, argument: Node, arguments: list[Node], method: str) -> None:
        """Check an argument of a reading method: a function is run with the elements, anything else is only read."""
        function = self.function(argument)
        if function is not None:
            fills = method.startswith("reduce") and len(arguments) == 2 and is_new(arguments[1], self.module.bindings)
            self.run(*function, True, fills=fills)
        elif argument == arguments[0] and method in CALLBACKS and not self.is_reader(argument):
            raise self.refusal(argument)
        else:
            self.check(argument)

    def run(self, module: Module, node: Node, reaches_registry: bool, *, fills: bool = False) -> None:
        """Check a function that runs now.

        With `reaches_registry` a parameter may be the registry's; with `fills` its first parameter is new.
        """
        if node in self.active:
            return
        same = module.source.path == self.module.source.path
        outside = self.names if same else frozenset(self.reach.names.get(module.source.path, set()))
        names = list(declared(node)) if reaches_registry or mentions(node, set(outside)) else []
        if not names and not mentions(node, set(outside)):
            return
        local = frozenset(text(name) for name in names)
        new = {*new_names(node, module.bindings), *(parameters(node)[:1] if fills else ())} - written(module.source)[1]
        inside = replace(
            self,
            module=module,
            names=outside | local,
            fresh=(self.fresh - local if same else frozenset()) | new,
            local=(self.local if same else frozenset()) | local,
            active=[*self.active, node],
        )
        for part in children(node):
            if part.type not in UNRUN or part == node.child_by_field_name("body"):
                inside.look(part)

    def look(self, node: Node) -> None:
        """Check parameters with their defaults, or a body."""
        if node.type in {"formal_parameters", "required_parameter", "optional_parameter"}:
            for part in children(node):
                if part.type != "type_annotation":
                    self.look(part)
        else:
            self.check(node)

    def is_scalar(self, node: Node) -> bool:
        """Return whether the value is a number, a text or the like, or an array of such: nobody gets at an entry by
        it."""
        node = unwrapped(node)
        if not self.mentions(node):
            return True
        if node.type in {"template_string", "unary_expression"}:
            self.check(node)
            return True
        if node.type == "binary_expression":
            self.check(node)
            return text(node.child_by_field_name("operator") or node) not in {"&&", "||", "??"}
        if node.type == "member_expression":
            self.check(node)
            return static_property(node) in FIELDS
        return node.type == "call_expression" and self._gives_scalars(node)

    def _gives_scalars(self, node: Node) -> bool:
        callee = unwrapped(node.child_by_field_name("function") or node)
        self.check(node)
        if text(callee) in {"JSON.stringify", "String", "Number", "Boolean"}:
            return True
        name = static_property(callee) if callee.type == "member_expression" else None
        arguments_node = node.child_by_field_name("arguments")
        functions = [
            part
            for part in (children(arguments_node) if arguments_node is not None else [])
            if part.type in FUNCTION_VALUES
        ]
        bodies = [function.child_by_field_name("body") for function in functions]
        fields = bool(bodies) and all(body is not None and static_property(body) in FIELDS for body in bodies)
        return name in SCALARS or (name == "map" and fields)


FORMS = {
    "member_expression": Purity.read,
    "subscript_expression": Purity.read,
    "object_pattern": Purity.pattern,
    "array_pattern": Purity.pattern,
    "unary_expression": Purity.unary,
    "assignment_expression": Purity.assignment,
    "augmented_assignment_expression": Purity.assignment,
    "update_expression": Purity.assignment,
    "for_in_statement": Purity.loop,
    "call_expression": Purity.call,
    "new_expression": Purity.call,
}
