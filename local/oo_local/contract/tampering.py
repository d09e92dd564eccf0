"""Whether anything in the files could change what was evaluated: a registry that is patched later is not constant.

Inside functions, reading and handing on is allowed, since a module runs no function by being imported; outside them, a
call may only read. A function that is called while the module loads may do neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from oo_local.contract.evaluate import Evaluator, Name
from oo_local.contract.expression import Value
from oo_local.contract.module import FUNCTIONS, Binding, Const, Imported, Module, Unknown, load, run_by
from oo_local.contract.source import Refused, Source, children, read, text, walk

__all__ = ["FUNCTION_VALUES", "refuse_changes"]

FUNCTION_VALUES = {"arrow_function", "function_expression", "generator_function"}
BODIES = FUNCTION_VALUES | FUNCTIONS | {"method_definition"}
CHANGES = {"assignment_expression", "augmented_assignment_expression", "update_expression"}
CALLS = {"call_expression", "new_expression"}
CHANGING = {"push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"}
READING = {"map", "find", "some", "every", "reduce", "includes", "keys", "values", "entries", "join", "findIndex"}
READERS = {"Object.keys", "Object.values", "Object.entries", "Object.fromEntries", "Object.freeze", "Map", "Set"}
CHANGERS = {"Object.assign", "Object.defineProperty", "Object.defineProperties", "Object.setPrototypeOf", "Reflect.set"}
DECLARED = {"name", "ttlSec", "dtype", "source"}
LINKS = {"member_expression", "subscript_expression"}
SAME = {"non_null_expression", "parenthesized_expression", "as_expression", "satisfies_expression"}
MENTIONS = {"identifier", "shorthand_property_identifier"}
PATTERNS = {"array_pattern", "object_pattern", "pair_pattern", "assignment_pattern"}


def refuse_changes(evaluator: Evaluator, names: set[Name]) -> None:
    """Look at every mention of what the registry was made from, in each file that runs and can get at it.

    Raises:
        Refused: one of them may change it.
    """
    names = {name for name in names if _can_change(evaluator, name)}
    _load_neighbours(evaluator, {path for path, _ in names})
    modules = dict(evaluator.modules)
    held = {path: _with_aliases(module, _held(evaluator, module, names)) for path, module in modules.items()}
    for path, module in modules.items():
        _refuse_assignments(module.source)
        _refuse_doing(module, held[path])
        for node in walk(module.source.root):
            if node.type in MENTIONS and text(node) in held[path]:
                _refuse_mention(module.source, node)
            _refuse_reach(module.source, node)
    if any(_mentioned_in_a_function(module, held[path]) for path, module in modules.items()):
        for module in modules.values():
            _refuse_early_calls(module, {name for name in module.bindings if _is_function(evaluator, module, name)})


def _load_neighbours(evaluator: Evaluator, holding: set[Path]) -> None:
    """Read the files that run with these and import, directly or not, one that holds the registry's objects."""
    sources = {path: module.source for path, module in evaluator.modules.items()}
    runs: dict[Path, set[Path]] = {}
    while waiting := sources.keys() - runs.keys():
        for path in waiting:
            runs[path] = set(run_by(sources[path]))
        sources |= {path: read(path) for of in waiting for path in runs[of] if path not in sources}
    reaching = set(holding)
    while new := {path for path, others in runs.items() if path not in reaching and others & reaching}:
        reaching |= new
    for path in sorted(reaching - evaluator.modules.keys()):
        evaluator.modules[path] = load(path, declaring=False)


def _held(evaluator: Evaluator, module: Module, names: set[Name]) -> set[str]:
    """The names by which a file has what the registry was made from: its own, and imported ones."""
    path = module.source.path
    own = {name for of, name in names if of == path}
    return own | {
        name
        for name, binding in module.bindings.items()
        if isinstance(binding, Imported) and _leads_to(evaluator, module, name, names)
    }


def _leads_to(evaluator: Evaluator, module: Module, name: str, names: set[Name]) -> bool:
    found = _imported(evaluator, module, name)
    if isinstance(found, Module):
        return any(path in {found.source.path, *run_by(found.source)} for path, _ in names)
    return not isinstance(found, Refused) and bool(evaluator.made_from((module.source.path, name)) & names)


def _imported(evaluator: Evaluator, module: Module, name: str) -> Value:
    """What an imported name comes to, or why it is no constant."""
    try:
        return evaluator.local(module, name, module.source.place(module.source.root)).value
    except Refused as refused:
        return refused


def _with_aliases(module: Module, held: set[str]) -> set[str]:
    """With every name that is made from one of these: it may be the same array, or hold the same objects."""
    values = {name: _initial(binding) for name, binding in module.bindings.items()}
    while True:
        new = {name for name, value in values.items() if name not in held and value and _mentions(value, held)}
        if not new:
            return held
        held |= new


def _initial(binding: Binding) -> Node | None:
    """What a name starts as, if that is computed when the file loads."""
    if isinstance(binding, Const):
        return None if binding.value.type in FUNCTION_VALUES else binding.value
    return binding.node if isinstance(binding, Unknown) and binding.node.type == "variable_declarator" else None


def _mentions(node: Node, names: set[str]) -> bool:
    return any(below.type in MENTIONS and text(below) in names for below in walk(node))


def _can_change(evaluator: Evaluator, name: Name) -> bool:
    found = evaluator.known.get(name)
    return found is not None and isinstance(found.value, list | dict | Module)


def _refuse_assignments(source: Source) -> None:
    """To a field that we read, of whatever object: it may be an entry under another name."""
    for node in walk(source.root):
        target = node.child_by_field_name("argument" if node.type == "update_expression" else "left")
        if node.type in CHANGES and target is not None and _property(target) in DECLARED:
            raise source.refuse(node, f"`{text(node)[:60]}` changes what was declared")


def _refuse_doing(module: Module, held: set[str]) -> None:
    """A neighbour may do what it likes as long as that has nothing to do with the registry's objects."""
    for node in (below for statement in module.doing for below in walk(statement)):
        if node.type in MENTIONS and text(node) in held and not _in_function(node):
            raise module.source.refuse(node, f"a statement that does something may change `{text(node)}`")


def _refuse_mention(source: Source, node: Node) -> None:
    top, last = _reached(node)
    parent = top.parent
    if parent is None:
        return
    refusal = source.refuse(node, f"`{' '.join(text(parent).split())[:60]}` may change `{text(node)}`")
    deleted = parent.type == "unary_expression" and text(parent).startswith("delete")
    if (parent.type in CHANGES and _is(parent, ("left", "argument"), top)) or deleted:
        raise refusal
    if last is not None and parent.type in PATTERNS:
        raise refusal
    inside = _in_function(node)
    if parent.type in CALLS and _is(parent, ("function", "constructor"), top):
        if last in CHANGING or (not inside and (last not in READING or not _harmless(parent))):
            raise refusal
        if last == "map" and _takes_fields(parent):
            return
    given = [_callee(call) for call in _given_to(top)]
    if any(callee in CHANGERS or (not inside and callee not in READERS) for callee in given):
        raise refusal


def _refuse_reach(source: Source, node: Node) -> None:
    """What gets at everything, whatever its name: only outside functions, since no import runs those."""
    everything = node.type == "identifier" and text(node) in {"eval", "exports", "globalThis", "module"}
    if (everything or _property(node) == "prototype") and not _in_function(node):
        raise source.refuse(node, f"`{text(node)[:60]}` gets at everything, and may change the registry")


def _mentioned_in_a_function(module: Module, held: set[str]) -> bool:
    nodes = walk(module.source.root)
    return any(node.type in MENTIONS and text(node) in held and _in_function(node) for node in nodes)


def _refuse_early_calls(module: Module, functions: set[str]) -> None:
    """A function of these files that may mention the registry and is called while the file loads."""
    for node in walk(module.source.root):
        if node.type in CALLS and not _in_function(node) and _runs_one(node, functions):
            raise module.source.refuse(node, f"the call `{text(node)[:60]}` may change the registry")


def _runs_one(call: Node, functions: set[str]) -> bool:
    """Whether a call runs, or hands on, one of these functions, or one that stands in place."""
    callee = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    while callee is not None and callee.type in SAME:
        callee = children(callee)[0]
    arguments = call.child_by_field_name("arguments")
    given = [callee, *(children(arguments) if arguments is not None else ())]
    in_place = callee is not None and callee.type in FUNCTION_VALUES
    return in_place or any(part is not None and text(part) in functions for part in given)


def _is_function(evaluator: Evaluator, module: Module, name: str) -> bool:
    """Also of another one of the files that were read; of a package, nothing here is known to its functions."""
    binding = module.bindings[name]
    if isinstance(binding, Const):
        return binding.value.type in FUNCTION_VALUES | {"class"}
    if isinstance(binding, Unknown):
        return True
    beside = binding.specifier.startswith(".")
    return beside and isinstance(_imported(evaluator, module, name), Refused)


def _reached(node: Node) -> tuple[Node, str | None]:
    """`REGISTRY[0].ttlSec` from `REGISTRY`: the whole chain, and its last property."""
    last = None
    while (parent := node.parent) is not None:
        if parent.type in LINKS and _is(parent, ("object",), node):
            last = _property(parent) or ""
        elif parent.type not in SAME:
            break
        node = parent
    return node, last


def _given_to(node: Node) -> Iterator[Node]:
    """The calls that something is an argument of, or within one; also of a tagged template."""
    for above in _above(node):
        if above.type in BODIES or above.type.endswith(("_statement", "_declaration")):
            return
        if above.type in {"arguments", "template_string"} and above.parent is not None and above.parent.type in CALLS:
            yield above.parent


def _takes_fields(call: Node) -> bool:
    """`(feature) => feature.name`: what comes out of such a `map` is none of the objects."""
    arguments = call.child_by_field_name("arguments")
    bodies = [part.child_by_field_name("body") for part in (children(arguments) if arguments is not None else ())]
    return bool(bodies) and all(body is not None and _property(body) in DECLARED for body in bodies)


def _callee(call: Node) -> str:
    callee = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    return text(callee) if callee is not None else ""


def _harmless(call: Node) -> bool:
    """What a reading method is given: literals, and functions that change and rebuild nothing."""
    arguments = call.child_by_field_name("arguments")
    return all(
        part.type in FUNCTION_VALUES | {"string", "number"} and not any(_alters(below) for below in walk(part))
        for part in (children(arguments) if arguments is not None else ())
    )


def _alters(node: Node) -> bool:
    """Changes, and calls: but for a method of a field that we read, which is text or a number (`f.name.trim()`)."""
    deletes = node.type == "unary_expression" and text(node).startswith("delete")
    callee = node.child_by_field_name("function") if node.type in CALLS else None
    of = callee.child_by_field_name("object") if callee is not None and callee.type == "member_expression" else None
    calls = node.type in CALLS and (of is None or _property(of) not in DECLARED)
    return node.type in CHANGES or deletes or calls


def _property(node: Node) -> str | None:
    if node.type == "member_expression":
        found = node.child_by_field_name("property")
    elif node.type == "subscript_expression":
        found = node.child_by_field_name("index")
    else:
        return None
    return text(found).strip("\"'`") if found is not None else None


def _is(parent: Node, names: tuple[str, ...], node: Node) -> bool:
    return any(parent.child_by_field_name(name) == node for name in names)


def _in_function(node: Node) -> bool:
    return any(above.type in BODIES for above in _above(node))


def _above(node: Node) -> Iterator[Node]:
    while (parent := node.parent) is not None:
        yield parent
        node = parent
