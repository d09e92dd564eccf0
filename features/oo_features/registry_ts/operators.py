"""The evaluation of operators: signs, arithmetic, comparisons, and the logical ones of booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from oo_features.registry_ts import literals
from oo_features.registry_ts import source_file as ts
from oo_features.registry_ts.source_file import text
from oo_features.registry_ts.values import truth

if TYPE_CHECKING:
    from oo_features.registry_ts.expression import Expression

__all__ = ["operation"]


def operation(expression: Expression, node: Node) -> str | float | bool:
    """Return the value of a unary or binary operation.

    Raises:
        NotConstant: JavaScript's result is not known for certain.
    """
    operator = text(ts.field(node, "operator"))
    if node.type == "unary_expression":
        argument = expression.value(ts.field(node, "argument"))
        if operator == "!":
            return not truth(argument)
        if operator in {"-", "+"} and isinstance(argument, float):
            return -argument if operator == "-" else argument
        raise expression.source.refuse(node, f"the operation `{text(node)}`")
    left, right = ts.field(node, "left"), ts.field(node, "right")
    if operator == "**" and left.type == "unary_expression":
        raise expression.source.refuse(node, "a sign before `**` is a syntax error")
    first = expression.value(left)
    # Only of booleans the result is one of the two for certain; JavaScript returns an operand, not a truth.
    if operator in {"&&", "||"} and isinstance(first, bool):
        second = expression.value(right) if first == (operator == "&&") else first
        if isinstance(second, bool):
            return second
    return _binary(expression, node, operator, first, expression.value(right))


def _binary(expression: Expression, node: Node, operator: str, left: object, right: object) -> str | float | bool:
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, float) and isinstance(right, float):
        result = literals.calculated(operator, left, right)
        if result is not None:
            return result
    compared = literals.compared(operator, left, right)
    if compared is not None:
        return compared
    raise expression.source.refuse(node, f"the operation `{' '.join(text(node).split())[:60]}`")
