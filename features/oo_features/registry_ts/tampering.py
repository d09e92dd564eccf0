"""The check that nothing in the files changes what was evaluated: a registry that is patched later is not constant.

What runs while a file loads may only read (`oo_features.registry_ts.purity`). Functions that run later may read and
pass on, but change nothing themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from tree_sitter import Node

from oo_features.registry_ts.deferred_changes import LINKS, refuse_changes_in, with_aliases
from oo_features.registry_ts.evaluator import Evaluator, Name
from oo_features.registry_ts.forms import (
    CHANGES,
    FUNCTION_VALUES,
    READING,
    above,
    declared,
    is_new,
    new_names,
    unwrapped,
)
from oo_features.registry_ts.mentions import mentions, written
from oo_features.registry_ts.module import FUNCTIONS, Const, Module
from oo_features.registry_ts.purity import Purity
from oo_features.registry_ts.reach import reach
from oo_features.registry_ts.source_file import text, walk
from oo_features.registry_ts.values import Enumeration, Function, Table

__all__ = ["refuse_changes"]

BODIES = FUNCTION_VALUES | FUNCTIONS | {"method_definition"}
HOOKS = {"toString", "valueOf", "toJSON", "then", "inspect"}  # called without being named
SAFE = {"array", "object", "string", "number", "template_string", "true", "false", "null"}
GLOBALS = {
    "console", "process", "performance", "Object", "Array", "Math", "JSON", "String", "Number", "Boolean", "Symbol",
    "Promise", "Error", "TypeError", "RangeError", "Map", "Set", "Date", "URL", "BigInt", "Intl", "RegExp", "import",
    "require", "structuredClone",
}  # fmt: skip


def refuse_changes(evaluator: Evaluator, names: set[Name]) -> None:
    """Check every mention of what the registry was made from, in each file that runs and can get at it.

    Raises:
        NotConstant: one of them may change it.
    """
    names = {name for name in names if _can_change(evaluator, name)}
    reachable = reach(evaluator, names)
    later = [(path, function) for path, module in reachable.modules.items() for function in _deferred(module)]
    evaluated = {path: frozenset(name for file, name in names if file == path) for path in reachable.modules}
    new = {path: _new(module, evaluated[path]) for path, module in reachable.modules.items()}
    for path, function in later:
        refuse_changes_in(reachable.modules[path], function, reachable.names[path] - new[path])
    purities = [
        Purity(reachable, reachable.modules[path], frozenset(reachable.names[path]), frozenset(), new[path])
        for path in new
    ]
    dangerous = frozenset(name for purity in purities for name in _dangerous(purity))
    for purity in purities:
        _refuse_doing(replace(purity, dangerous=dangerous))
    for path, function in later:
        names_here = with_aliases(function, reachable.names[path] - new[path])
        refuse_changes_in(reachable.modules[path], function, names_here)


def _new(module: Module, evaluated: frozenset[str]) -> frozenset[str]:
    """Return the constants that begin empty, and that no value was taken from: they may be filled."""
    constants = {name: binding.value for name, binding in module.bindings.items() if isinstance(binding, Const)}
    empty = frozenset(name for name, value in constants.items() if is_new(value, module.bindings))
    return empty - evaluated - written(module.source)[1]


def _can_change(evaluator: Evaluator, name: Name) -> bool:
    value = evaluator.known.get(name)
    return value is not None and isinstance(value.value, list | dict | Table | Enumeration | Function | Module)


def _refuse_doing(purity: Purity) -> None:
    """Check what a file does while it loads: each statement, and each value that a name starts with."""
    module = purity.module
    for statement in module.source.root.children:
        if purity.mentions(statement):
            names = frozenset(text(name) for name in declared(statement) if not _runs_later(name, statement))
            local = names - module.bindings.keys()
            new = frozenset(new_names(statement, module.bindings)) & local - written(module.source)[1]
            replace(purity, names=purity.names | local, fresh=purity.fresh | new, local=local).check(statement)
    for statement in module.doing if module.evaluated else ():
        _refuse_unknown(module, statement)


def _runs_later(node: Node, statement: Node) -> bool:
    return any(outer.type in BODIES for outer in takewhile(lambda outer: outer != statement, above(node)))


def _refuse_unknown(module: Module, statement: Node) -> None:
    """Refuse, in a file whose values are taken, calls of what is declared nowhere, and what never lets the file
    load."""
    if statement.type in {"throw_statement", "internal_module", "module", "with_statement"}:
        raise module.source.refuse(statement, f"a statement that does something: `{text(statement)[:40]}`")
    local = {text(name) for name in declared(statement)}
    for node in walk(statement):
        callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        name = None if callee is None else _first(callee)
        if name is not None and name not in module.bindings and name not in GLOBALS | local:
            raise module.source.refuse(node, f"the call `{text(node)[:60]}` does nobody knows what")


def _first(callee: Node) -> str | None:
    """Return `console` of `console.log`; what is called on an array, or on another call's value, has no name."""
    node = unwrapped(callee)
    while node.type in LINKS:
        node = unwrapped(node.child_by_field_name("object") or callee)
    return text(node) if node.type in {"identifier", "import"} else None


def _dangerous(purity: Purity) -> Iterator[str]:
    """Yield properties that do something when they are read, called or converted, of what gets at the registry.

    Raises:
        NotConstant: one runs without being named.
    """
    for node in walk(purity.module.source.root):
        owner = next((outer for outer in above(node) if outer.type in {"object", "class_body"}), None)
        if node.type not in {"method_definition", "pair"} or owner is None or not _of_the_registry(purity, owner):
            continue
        key = node.child_by_field_name("name") or node.child_by_field_name("key") or node
        accessor = any(part.type in {"get", "set"} for part in node.children)
        function = unwrapped(node.child_by_field_name("value") or node)
        runs = function.type in BODIES
        computed = key.type == "computed_property_name"
        hook = runs and (computed or text(key) in HOOKS or (accessor and owner.type == "object"))
        reads = text(key) in READING and function.type not in SAFE
        if not (hook or accessor or reads) or (runs and _is_pure(function)):
            continue
        if hook:
            raise purity.refusal(node)
        yield text(key).strip("\"'")


def _of_the_registry(purity: Purity, owner: Node) -> bool:
    outermost = [owner, *above(owner)][-2]
    return mentions(outermost, set(purity.names)) or any(
        text(name) in purity.names for name in walk(outermost) if name.type in {"identifier", "type_identifier"}
    )


def _is_pure(function: Node) -> bool:
    """Return whether nothing is changed or called in a function."""
    doing = CHANGES | {"call_expression", "new_expression", "await_expression", "yield_expression"}
    return not any(part.type in doing or text(part).startswith("delete ") for part in walk(function))


def _deferred(module: Module) -> Iterator[Node]:
    """Yield the outermost functions of a file."""
    for node in walk(module.source.root):
        if node.type in BODIES and not any(outer.type in BODIES for outer in above(node)):
            yield node
