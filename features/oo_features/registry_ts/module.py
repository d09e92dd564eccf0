"""The names of one file: what it declares, imports and exports."""

from __future__ import annotations

from dataclasses import dataclass, field

from tree_sitter import Node

from oo_features.registry_ts.source_file import SourceFile, text

__all__ = [
    "CLASSES",
    "DECLARATIONS",
    "FUNCTIONS",
    "NOTHING",
    "TYPES",
    "WHOLE",
    "Binding",
    "Const",
    "ImportBinding",
    "Module",
    "NonConstant",
]

TYPES = {"type_alias_declaration", "interface_declaration"}
FUNCTIONS = {"function_declaration", "generator_function_declaration", "function_signature"}
CLASSES = {"class_declaration", "abstract_class_declaration"}
DECLARATIONS = {
    "lexical_declaration", "variable_declaration", "enum_declaration", "ambient_declaration", *FUNCTIONS, *CLASSES,
}  # fmt: skip
NOTHING = {"comment", "empty_statement", "hash_bang_line", *TYPES}
WHOLE = "*"  # a namespace import: the module itself


@dataclass(frozen=True, slots=True)
class Const:
    """A name that is declared by `const name = value`."""

    value: Node


@dataclass(frozen=True, slots=True)
class ImportBinding:
    """A name that is imported from another file; `*` stands for the file itself."""

    specifier: str
    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class NonConstant:
    """A name whose value is no constant, and what it is instead."""

    what: str
    node: Node


Binding = Const | ImportBinding | NonConstant


@dataclass(slots=True)
class Module:
    """The names of a file; an export is a local name, an expression, or another file's name.

    With `evaluated` values are taken from the file; of the others it only matters whether they change these. `doing`
    are the statements that do something when the file loads.
    """

    source: SourceFile
    evaluated: bool = True
    bindings: dict[str, Binding] = field(default_factory=dict)
    exports: dict[str, str | Node | ImportBinding] = field(default_factory=dict)
    stars: list[ImportBinding] = field(default_factory=list)
    doing: list[Node] = field(default_factory=list)

    def bind(self, name: Node, binding: Binding) -> None:
        """Declare a name.

        Raises:
            NotConstant: the name is declared twice.
        """
        if text(name) in self.bindings and not _overload(self.bindings[text(name)], binding):
            raise self.source.refuse(name, f"`{text(name)}` is declared twice")
        self.bindings[text(name)] = binding

    def export(self, node: Node, name: str, exported: str | Node | ImportBinding) -> None:
        """Export a value under a name.

        Raises:
            NotConstant: the name is exported twice.
        """
        if name in self.exports and self.exports[name] != exported:
            raise self.source.refuse(node, f"`{name}` is exported twice")
        self.exports[name] = exported


def _overload(before: Binding, now: Binding) -> bool:
    """Return whether a function is declared again: TypeScript declares its overloads, then its body."""
    if not isinstance(before, NonConstant) or not isinstance(now, NonConstant):
        return False
    return before.what == now.what == "a function" and before.node.type == "function_signature"
