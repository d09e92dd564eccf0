"""One file's names: what it declares, imports and exports. Statements that would do something are refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tree_sitter import Node

from oo_local.contract import source as ts
from oo_local.contract.source import Place, Refused, Source, children, text, walk

__all__ = ["CLASSES", "FUNCTIONS", "Binding", "Const", "Imported", "Module", "Unknown", "load", "resolved", "run_by"]

TYPES = {"type_alias_declaration", "interface_declaration"}
FUNCTIONS = {"function_declaration", "generator_function_declaration", "function_signature"}
CLASSES = {"class_declaration", "abstract_class_declaration"}
NOTHING = {"comment", "empty_statement", "hash_bang_line", *TYPES}
WHOLE = "*"  # a namespace import: the module itself


@dataclass(frozen=True, slots=True)
class Const:
    """`const name = value`."""

    value: Node


@dataclass(frozen=True, slots=True)
class Imported:
    """A name of another file, `*` for the file itself."""

    specifier: str
    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name whose value is no constant, and what it is instead."""

    what: str
    node: Node


Binding = Const | Imported | Unknown


@dataclass(slots=True)
class Module:
    """A file's names; an export is a local name, an expression, or another file's name. `doing` is what it does."""

    source: Source
    bindings: dict[str, Binding] = field(default_factory=dict)
    exports: dict[str, str | Node | Imported] = field(default_factory=dict)
    stars: list[Imported] = field(default_factory=list)
    doing: list[Node] = field(default_factory=list)

    def bind(self, name: Node, binding: Binding) -> None:
        if text(name) in self.bindings and not _overload(self.bindings[text(name)], binding):
            raise self.source.refuse(name, f"`{text(name)}` is declared twice")
        self.bindings[text(name)] = binding

    def export(self, node: Node, name: str, what: str | Node | Imported) -> None:
        if name in self.exports and self.exports[name] != what:
            raise self.source.refuse(node, f"`{name}` is exported twice")
        self.exports[name] = what


def load(path: Path, *, declaring: bool = True) -> Module:
    """Parse a file and list its names.

    Raises:
        Refused: it is not TypeScript, or it does more than declare and should not.
    """
    module = Module(ts.read(path))
    for statement in module.source.root.children:
        try:
            _statement(module, statement)
        except Refused:
            if declaring:
                raise
            module.doing.append(statement)
    return module


def run_by(source: Source) -> Iterator[Path]:
    """The files beside it that run when this one does; of packages, and of names that are not there, nothing is known.

    Raises:
        Refused: a file is run for what it does, and is not there to look at.
    """
    for node in walk(source.root):
        given = _given(node)
        if given is not None and given.type == "string":
            try:
                yield resolved(source.path, text(given)[1:-1], source.place(node))
            except Refused:
                bare = node.type == "import_statement" and not any(
                    part.type == "import_clause" for part in children(node)
                )
                if bare and text(given)[1:-1].startswith("."):
                    raise


def _given(node: Node) -> Node | None:
    """What a node imports: by a statement, by `require("…")` or by `import("…")`."""
    if node.type in {"import_statement", "export_statement"}:
        return None if _type_only(node) or _only_types(node) else node.child_by_field_name("source")
    if node.type == "import_require_clause":
        return node.child_by_field_name("source")
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    loads = node.type == "call_expression" and callee is not None and text(callee) in {"import", "require"}
    return next(iter(children(arguments)), None) if loads and arguments is not None else None


def _only_types(node: Node) -> bool:
    """`import { type A, type B } from …`, which a compiler leaves out."""
    parts = [part for clause in children(node) if clause.type == "import_clause" for part in children(clause)]
    return bool(parts) and all(
        part.type == "named_imports" and all(_type_only(item) for item in children(part)) for part in parts
    )


def resolved(importer: Path, specifier: str, at: Place) -> Path:
    """The file that a relative import means, by TypeScript's rules; packages are refused."""
    if not specifier.startswith(("./", "../")):
        raise Refused(at, f"the import from the package `{specifier}`")
    base = Path(os.path.normpath(importer.parent / specifier))
    bare = base.with_suffix("") if base.suffix == ".js" else base
    candidates = [base] if base.suffix == ".ts" else [Path(f"{bare}.ts"), bare / "index.ts"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise Refused(at, f"the import from `{specifier}`, which is no TypeScript file here")


def _overload(before: Binding, now: Binding) -> bool:
    """TypeScript declares one function several times: its overloads, then its body."""
    return isinstance(before, Unknown) and isinstance(now, Unknown) and before.what == now.what == "a function"


def _statement(module: Module, node: Node) -> None:
    if node.type in NOTHING:
        return
    if node.type == "import_statement":
        _import(module, node)
    elif node.type == "export_statement":
        _export(module, node)
    elif node.type != "expression_statement" or [child.type for child in children(node)] != ["string"]:
        _declared(module, node)


def _declared(module: Module, node: Node) -> list[Node]:
    """Bind what a declaration declares; the names it gives."""
    if node.type in {"lexical_declaration", "variable_declaration"}:
        keyword = text(node.children[0])
        declarators = [child for child in children(node) if child.type == "variable_declarator"]
        return [name for declarator in declarators for name in _declarator(module, declarator, keyword)]
    kinds = {"a function": FUNCTIONS, "a class": CLASSES, "an enum": {"enum_declaration"}}
    for what, types in kinds.items():
        if node.type in types:
            name = ts.field(node, "name")
            module.bind(name, Unknown(what, node))
            return [name]
    if node.type == "ambient_declaration":
        return [name for child in children(node) for name in _ambient(module, child)]
    first = " ".join(text(node).split())[:40]
    raise module.source.refuse(node, f"a statement that does something: `{first}`")


def _declarator(module: Module, node: Node, keyword: str) -> list[Node]:
    name, value = ts.field(node, "name"), node.child_by_field_name("value")
    if name.type != "identifier":
        names = [
            found
            for found in walk(name)
            if found.type in {"identifier", "shorthand_property_identifier_pattern"} and found.is_named
        ]
        for found in names:
            module.bind(found, Unknown("taken apart by a pattern", node))
        return names
    constant = keyword == "const" and value is not None
    module.bind(name, Const(value) if constant and value is not None else Unknown(f"a `{keyword}`", node))
    return [name]


def _ambient(module: Module, node: Node) -> list[Node]:
    if node.type in NOTHING:
        return []
    names = [found for found in walk(node) if found.type == "identifier"][:1]
    for name in names:
        module.bind(name, Unknown("declared elsewhere", node))
    return names


def _import(module: Module, node: Node) -> None:
    if _type_only(node):
        return
    for clause in children(node):
        if clause.type == "import_require_clause":
            module.bind(children(clause)[0], Unknown("an `import … = require`", node))
        elif clause.type == "import_clause":
            specifier = _specifier(module, node)
            for part in children(clause):
                _import_part(module, part, specifier)
        elif clause.type not in {"string", "import_attribute"}:
            raise module.source.refuse(node, "this form of import")


def _import_part(module: Module, part: Node, specifier: str) -> None:
    if part.type == "identifier":
        module.bind(part, Imported(specifier, "default", part))
    elif part.type == "namespace_import":
        name = children(part)[0]
        module.bind(name, Imported(specifier, WHOLE, part))
    else:
        for item in children(part):
            if not _type_only(item):
                name = ts.field(item, "name")
                module.bind(item.child_by_field_name("alias") or name, Imported(specifier, _name(module, name), item))


def _export(module: Module, node: Node) -> None:
    if _type_only(node):
        return
    declaration, value = node.child_by_field_name("declaration"), node.child_by_field_name("value")
    default = any(child.type == "default" for child in node.children)
    if declaration is not None:
        _export_declaration(module, declaration, default=default)
    elif value is not None and default:
        module.export(node, "default", value)
    elif found := next((child for child in node.children if child.type == "export_clause"), None):
        _export_clause(module, node, found)
    elif found := next((child for child in node.children if child.type == "namespace_export"), None):
        name = _name(module, children(found)[0])
        module.export(node, name, Imported(_specifier(module, node), WHOLE, node))
    elif any(child.type == "*" for child in node.children):
        module.stars.append(Imported(_specifier(module, node), WHOLE, node))
    else:
        raise module.source.refuse(node, "this form of export")


def _export_declaration(module: Module, declaration: Node, *, default: bool) -> None:
    if declaration.type in TYPES:
        return
    if default and declaration.child_by_field_name("name") is None:
        module.export(declaration, "default", declaration)
        return
    for name in _declared(module, declaration):
        module.export(name, "default" if default else text(name), text(name))


def _export_clause(module: Module, node: Node, clause: Node) -> None:
    elsewhere = node.child_by_field_name("source") is not None
    for item in children(clause):
        if _type_only(item):
            continue
        name = ts.field(item, "name")
        shown = _name(module, item.child_by_field_name("alias") or name)
        local = _name(module, name)
        module.export(item, shown, Imported(_specifier(module, node), local, item) if elsewhere else local)


def _type_only(node: Node) -> bool:
    return any(child.type in {"type", "typeof"} and not child.is_named for child in node.children)


def _specifier(module: Module, node: Node) -> str:
    return _plain(module, ts.field(node, "source"))


def _name(module: Module, node: Node) -> str:
    return _plain(module, node) if node.type == "string" else text(node)


def _plain(module: Module, node: Node) -> str:
    """A string without escapes: of a specifier more is not needed."""
    if any(child.type == "escape_sequence" for child in node.children):
        raise module.source.refuse(node, f"an escape in {text(node)}")
    return text(node)[1:-1]
