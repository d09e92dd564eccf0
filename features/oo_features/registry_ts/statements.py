"""The statements of a module as bindings and exports: what each declares, imports or exports."""

from __future__ import annotations

from pathlib import Path

from tree_sitter import Node

from oo_features.registry_ts import source_file as ts
from oo_features.registry_ts.imports import type_only
from oo_features.registry_ts.module import (
    CLASSES,
    DECLARATIONS,
    FUNCTIONS,
    NOTHING,
    TYPES,
    WHOLE,
    Const,
    ImportBinding,
    Module,
    NonConstant,
)
from oo_features.registry_ts.source_file import NotConstant, children, text, walk

__all__ = ["load"]


def load(path: Path, *, evaluated: bool = True) -> Module:
    """Parse a file and list its names; what else it does when it loads is listed for others to check.

    Raises:
        NotConstant: it is not TypeScript, or it is evaluated and declares something in a form that is not known.
    """
    module = Module(ts.read(path), evaluated=evaluated)
    for statement in module.source.root.children:
        try:
            if not _statement(module, statement):
                module.doing.append(statement)
        except NotConstant:
            if evaluated:
                raise
            module.doing.append(statement)
    return module


def _statement(module: Module, node: Node) -> bool:
    """Bind the names that a statement declares; return False when it does something instead."""
    if node.type == "import_statement":
        _import(module, node)
    elif node.type == "export_statement":
        _export(module, node)
    elif node.type in DECLARATIONS:
        _declared(module, node)
    else:
        directive = node.type == "expression_statement" and [child.type for child in children(node)] == ["string"]
        return node.type in NOTHING or directive
    return True


def _declared(module: Module, node: Node) -> list[Node]:
    """Bind the names that a declaration declares, and return them."""
    if node.type in {"lexical_declaration", "variable_declaration"}:
        keyword = text(node.children[0])
        declarators = [child for child in children(node) if child.type == "variable_declarator"]
        return [name for declarator in declarators for name in _declarator(module, declarator, keyword)]
    kinds = {"a function": FUNCTIONS, "a class": CLASSES, "an enum": {"enum_declaration"}}
    for what, types in kinds.items():
        if node.type in types:
            name = ts.field(node, "name")
            module.bind(name, NonConstant(what, node))
            return [name]
    if node.type == "ambient_declaration":
        return [name for child in children(node) for name in _ambient(module, child)]
    first = " ".join(text(node).split())[:40]
    raise module.source.refuse(node, f"a statement that does something: `{first}`")


def _declarator(module: Module, node: Node, keyword: str) -> list[Node]:
    name, value = ts.field(node, "name"), node.child_by_field_name("value")
    if name.type != "identifier":
        names = _pattern_names(name)
        for bound in names:
            module.bind(bound, NonConstant("taken apart by a pattern", node))
        return names
    constant = keyword == "const" and value is not None
    module.bind(name, Const(value) if constant and value is not None else NonConstant(f"a `{keyword}`", node))
    return [name]


def _pattern_names(node: Node) -> list[Node]:
    """Return the names that a pattern binds; what stands in its defaults and computed keys is only read."""
    if node.type in {"identifier", "shorthand_property_identifier_pattern"}:
        return [node]
    if node.type == "computed_property_name":
        return []
    default = node.child_by_field_name("right")
    return [name for part in children(node) if part != default for name in _pattern_names(part)]


def _ambient(module: Module, node: Node) -> list[Node]:
    if node.type in NOTHING:
        return []
    names = [found for found in walk(node) if found.type == "identifier"][:1]
    for name in names:
        module.bind(name, NonConstant("declared elsewhere", node))
    return names


def _import(module: Module, node: Node) -> None:
    if type_only(node):
        return
    for clause in children(node):
        if clause.type == "import_require_clause":
            module.bind(children(clause)[0], NonConstant("an `import … = require`", node))
        elif clause.type == "import_clause":
            specifier = _specifier(module, node)
            for part in children(clause):
                _import_part(module, part, specifier)
        elif clause.type not in {"string", "import_attribute"}:
            raise module.source.refuse(node, "this form of import")


def _import_part(module: Module, part: Node, specifier: str) -> None:
    if part.type == "identifier":
        module.bind(part, ImportBinding(specifier, "default", part))
    elif part.type == "namespace_import":
        name = children(part)[0]
        module.bind(name, ImportBinding(specifier, WHOLE, part))
    else:
        for item in children(part):
            if not type_only(item):
                name = ts.field(item, "name")
                module.bind(
                    item.child_by_field_name("alias") or name, ImportBinding(specifier, _name(module, name), item)
                )


def _export(module: Module, node: Node) -> None:
    if type_only(node):
        return
    declaration, value = node.child_by_field_name("declaration"), node.child_by_field_name("value")
    default = any(child.type == "default" for child in node.children)
    if declaration is not None:
        _export_declaration(module, declaration, default=default)
    elif value is not None and default:
        module.export(node, "default", value)
    elif part := next((child for child in node.children if child.type == "export_clause"), None):
        _export_clause(module, node, part)
    elif part := next((child for child in node.children if child.type == "namespace_export"), None):
        name = _name(module, children(part)[0])
        module.export(node, name, ImportBinding(_specifier(module, node), WHOLE, node))
    elif any(child.type == "*" for child in node.children):
        module.stars.append(ImportBinding(_specifier(module, node), WHOLE, node))
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
        if type_only(item):
            continue
        name = ts.field(item, "name")
        shown = _name(module, item.child_by_field_name("alias") or name)
        local = _name(module, name)
        module.export(item, shown, ImportBinding(_specifier(module, node), local, item) if elsewhere else local)


def _specifier(module: Module, node: Node) -> str:
    return _plain(module, ts.field(node, "source"))


def _name(module: Module, node: Node) -> str:
    return _plain(module, node) if node.type == "string" else text(node)


def _plain(module: Module, node: Node) -> str:
    """Return a string without escapes; a specifier needs no others."""
    if any(child.type == "escape_sequence" for child in node.children):
        raise module.source.refuse(node, f"an escape in {text(node)}")
    return text(node)[1:-1]
