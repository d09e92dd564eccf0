"""The evaluation of calls: functions whose body is one expression, and JavaScript's own that only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from oo_features.registry_ts import source_file as ts
from oo_features.registry_ts.javascript import ARRAY, CALLBACKS, STATIC, TABLE, Applied, certain, listed, table
from oo_features.registry_ts.source_file import NotConstant, SourceLocation, children, text
from oo_features.registry_ts.values import Function, Items, LocatedValue, Table, Value

if TYPE_CHECKING:
    from oo_features.registry_ts.expression import Expression

__all__ = ["call"]

WHOLE_FILE = 2**63  # position in bytes that counts as a file that has loaded whole


def call(expression: Expression, node: Node) -> Value:
    """Return the value of a call or a `new`.

    Raises:
        NotConstant: it is none of those that are known to read only.
    """
    source = expression.source
    place = source.place(node)
    expression.names.spend(place)
    callee = _callee(node)
    arguments_node = node.child_by_field_name("arguments")
    parts = children(arguments_node) if arguments_node is not None and arguments_node.type == "arguments" else None
    if parts is None or any(part.type == "spread_element" for part in parts):
        raise source.refuse(node, f"a function call: `{_short(node)}`")
    arguments = [_argument(expression, part) for part in parts]
    if node.type == "new_expression":
        return _new(expression, callee, arguments, place)
    if callee.type == "member_expression":
        return _method(expression, callee, arguments, place)
    if _builtin(expression, callee) is None:
        function = expression.value(callee)
        if isinstance(function, Function):
            return apply(expression, function, arguments, node.start_byte, place)
    raise source.refuse(node, f"a function call: `{_short(node)}`")


def _callee(node: Node) -> Node:
    callee = ts.field(node, "constructor" if node.type == "new_expression" else "function")
    while callee.type in {"parenthesized_expression", "non_null_expression"} and len(children(callee)) == 1:
        callee = children(callee)[0]
    return callee


def _argument(expression: Expression, node: Node) -> LocatedValue:
    place = expression.source.place(node)
    try:
        return LocatedValue(expression.value(node), place)
    except NotConstant as refused:
        return LocatedValue(refused, place)


def _new(expression: Expression, callee: Node, arguments: Items, place: SourceLocation) -> Value:
    kind = _builtin(expression, callee)
    if kind not in {"Map", "Set"} or len(arguments) > 1:
        raise NotConstant(place, f"a `new`: `{text(callee)}`")
    items = listed(certain(arguments[0]), place) if arguments else []
    if items is None:
        raise NotConstant(place, f"a {kind} of what is no array")
    return table(kind, items, place)


def _builtin(expression: Expression, node: Node) -> str | None:
    """Return a name that nothing in the file declares, and so one of JavaScript's own objects if it is one; else
    None."""
    name = text(node)
    own = node.type != "identifier" or name in expression.parameters or name in expression.module.bindings
    return None if own else name


def _method(expression: Expression, callee: Node, arguments: Items, place: SourceLocation) -> Value:
    owner, name = ts.field(callee, "object"), text(ts.field(callee, "property"))
    if any(part.type == "optional_chain" for part in callee.children):
        raise NotConstant(place, f"an optional call: `{_short(callee)}`")
    if (builtin := STATIC.get(f"{_builtin(expression, owner)}.{name}")) and arguments:
        return builtin([certain(item) for item in arguments], place)
    owner_value = expression.value(owner)
    if isinstance(owner_value, list) and name in CALLBACKS and arguments:
        function = certain(arguments[0])
        if isinstance(function, Function) and len(arguments) == 1:
            return CALLBACKS[name](owner_value, _applier(expression, function, callee.start_byte, place), place)
    if isinstance(owner_value, list) and name in ARRAY:
        return ARRAY[name](owner_value, [certain(item) for item in arguments], place)
    if isinstance(owner_value, Table) and name in TABLE:
        return TABLE[name](owner_value, [certain(item) for item in arguments], place)
    if not isinstance(owner_value, list | Table | str | float | bool | None):
        function = expression.value(callee)
        if isinstance(function, Function):
            return apply(expression, function, arguments, callee.start_byte, place)
    raise NotConstant(place, f"a function call: `{_short(callee)}`")


def _applier(expression: Expression, function: Function, start: int, place: SourceLocation) -> Applied:
    return lambda arguments: apply(expression, function, arguments, start, place)


def apply(expression: Expression, function: Function, arguments: Items, start: int, place: SourceLocation) -> Value:
    """Return the value of a function's one expression, with its parameters bound; the call stands at `start` (bytes).

    Raises:
        NotConstant: the function has another body, or its value is no constant.
    """
    expression.names.spend(place)
    node = function.node
    if any(part.type in {"async", "*"} for part in node.children):
        raise NotConstant(place, f"`{_short(node)}` does not give its value at once")
    # A function sees what its file had declared when it ran: in its own file only what stands before the call, in
    # another file all of it.
    same = function.module.source.path == expression.module.source.path
    reached = (start if expression.reached is None else expression.reached) if same else WHOLE_FILE
    inside = type(expression)(expression.names, function.module, dict(function.parameters), reached)
    _bind(inside, node, arguments)
    return inside.value(_body(inside, node))


def _body(inside: Expression, node: Node) -> Node:
    body = ts.field(node, "body")
    if body.type != "statement_block":
        return body
    statements = children(body)
    if len(statements) == 1 and statements[0].type == "return_statement" and children(statements[0]):
        return children(statements[0])[0]
    raise inside.source.refuse(node, f"a function whose body is more than one expression: `{_short(node)}`")


def _bind(inside: Expression, node: Node, arguments: Items) -> None:
    single = node.child_by_field_name("parameter")
    if single is not None:
        patterns = [single]
    else:
        patterns = [part for part in children(ts.field(node, "parameters")) if part.type != "this_type"]
    for index, part in enumerate(patterns):
        pattern, default = part.child_by_field_name("pattern") or part, part.child_by_field_name("value")
        if pattern.type in {"rest_pattern", "this"} or part.type == "rest_pattern":
            raise inside.source.refuse(part, f"the parameter `{_short(part)}`")
        if index < len(arguments):
            argument = arguments[index]
        elif default is not None:
            argument = LocatedValue(inside.value(default), inside.source.place(default))
        else:
            missing = inside.source.refuse(part, f"`{_short(part)}` is not given")
            argument = LocatedValue(missing, missing.place)
        _take_apart(inside, pattern, argument)


def _take_apart(inside: Expression, pattern: Node, located: LocatedValue) -> None:
    """Bind the names of a parameter, also of `{ name, ttl: seconds }` and `[key, value]`, without defaults."""
    if pattern.type == "identifier":
        inside.parameters[text(pattern)] = located
        return
    value = certain(located)
    for index, part in enumerate(children(pattern)):
        name = part if part.type in {"shorthand_property_identifier_pattern", "identifier"} else None
        key: str | None = text(part)
        if part.type == "pair_pattern":
            name, key = ts.field(part, "value"), text(ts.field(part, "key"))
        if name is None or not name.type.endswith(("identifier", "identifier_pattern")):
            raise inside.source.refuse(part, f"the pattern `{_short(part)}`")
        member = value.get(key or "") if pattern.type == "object_pattern" and isinstance(value, dict) else None
        if pattern.type == "array_pattern" and isinstance(value, list) and index < len(value):
            member = value[index]
        if member is None:
            missing = inside.source.refuse(part, f"`{_short(part)}` is not given")
            member = LocatedValue(missing, missing.place)
        inside.parameters[text(name)] = member


def _short(node: Node) -> str:
    return " ".join(text(node).split())[:60]
