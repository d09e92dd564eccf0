"""Imports: which files a file runs, and which one an import means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from oo_features.registry_ts.module import ImportBinding, Module
from oo_features.registry_ts.source_file import NotConstant, SourceFile, SourceLocation, children, text, walk

__all__ = ["DATA", "LOADING", "loaded", "resolved", "run_by", "target", "type_only"]

LOADING = {"require", "import"}

DATA = ".json"


def run_by(source: SourceFile) -> Iterator[Path]:
    """Yield the files beside it that run when this one does; packages and files that are missing are left out.

    Raises:
        NotConstant: a file is run for what it does, and is not there to look at.
    """
    for node in walk(source.root):
        specifier = _specifier(node)
        if specifier is not None and specifier.type == "string":
            try:
                yield resolved(source.path, text(specifier)[1:-1], source.place(node))
            except NotConstant:
                bare = node.type == "import_statement" and not any(
                    part.type == "import_clause" for part in children(node)
                )
                if bare and text(specifier)[1:-1].startswith("."):
                    raise


def _specifier(node: Node) -> Node | None:
    """Return what a node imports: by a statement, by `require("…")` or by `import("…")`; None when it does not."""
    if node.type in {"import_statement", "export_statement"}:
        return None if type_only(node) or _only_types(node) else node.child_by_field_name("source")
    if node.type == "import_require_clause":
        return node.child_by_field_name("source")
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    loads = node.type == "call_expression" and callee is not None and text(callee) in {"import", "require"}
    return next(iter(children(arguments)), None) if loads and arguments is not None else None


def _only_types(node: Node) -> bool:
    """Return whether a node is `import { type A, type B } from …`, which a compiler leaves out."""
    parts = [part for clause in children(node) if clause.type == "import_clause" for part in children(clause)]
    return bool(parts) and all(
        part.type == "named_imports" and all(type_only(item) for item in children(part)) for part in parts
    )


def resolved(importer: Path, specifier: str, place: SourceLocation) -> Path:
    """Return the file that a relative import means, by TypeScript's rules, or JSON.

    Raises:
        NotConstant: it imports a package, or there is no such file.
    """
    if not specifier.startswith(("./", "../")):
        raise NotConstant(place, f"the import from the package `{specifier}`")
    base = Path(os.path.normpath(importer.parent / specifier))
    bare = base.with_suffix("") if base.suffix == ".js" else base
    candidates = [base] if base.suffix in {".ts", DATA} else [Path(f"{bare}.ts"), bare / "index.ts"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise NotConstant(place, f"the import from `{specifier}`, which is no TypeScript file here")


def type_only(node: Node) -> bool:
    """Return whether an import or export is of types alone."""
    return any(child.type in {"type", "typeof"} and not child.is_named for child in node.children)


def target(module: Module, imported: ImportBinding) -> Path | None:
    """Return the file that an import means; None for a package."""
    try:
        return resolved(module.source.path, imported.specifier, module.source.place(imported.node))
    except NotConstant:
        return None


def loaded(source: SourceFile, node: Node) -> Path | None:
    """Return the file that `require("./file")` or `import("./file")` loads; None for anything else."""
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if node.type != "call_expression" or callee is None or text(callee) not in LOADING or arguments is None:
        return None
    specifier = next(iter(children(arguments)), None)
    try:
        plain = specifier is not None and specifier.type == "string"
        return (
            resolved(source.path, text(specifier)[1:-1], source.place(node))
            if plain and specifier is not None
            else None
        )
    except NotConstant:
        return None
