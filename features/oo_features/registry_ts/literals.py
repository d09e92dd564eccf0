"""Literals and operators with JavaScript's meaning: every number is a double."""

from __future__ import annotations

import math
import operator as operators
import re

from tree_sitter import Node

from oo_features.registry_ts.source_file import SourceFile, text

__all__ = ["calculated", "compared", "escape", "key_of", "number"]

EXACT = 2**53  # from here on neighbouring integers are the same double
DIGITS = r"\d(?:_?\d)*"
DECIMAL = re.compile(rf"(?:(?:0|[1-9](?:_?\d)*)(?:\.(?:{DIGITS})?)?|\.{DIGITS})(?:[eE][+-]?{DIGITS})?")
BASED = re.compile(r"0(?:[xX][\da-fA-F](?:_?[\da-fA-F])*|[oO][0-7](?:_?[0-7])*|[bB][01](?:_?[01])*)")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
ORDER = {"<": operators.lt, "<=": operators.le, ">": operators.gt, ">=": operators.ge}
CODE = re.compile(r"x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}")


def number(source: SourceFile, node: Node) -> float:
    """Return the double that a number literal means.

    Raises:
        NotConstant: it is an octal of the old form, or a big integer.
    """
    written = text(node)
    if BASED.fullmatch(written):
        return float(int(written, 0))
    if DECIMAL.fullmatch(written):
        return float(written.replace("_", ""))
    raise source.refuse(node, f"the number `{written}`")


def escape(source: SourceFile, node: Node) -> str:
    """Return the character that an escape sequence means.

    Raises:
        NotConstant: it is no escape sequence of JavaScript.
    """
    written = text(node)[1:]
    if match_of_code := CODE.fullmatch(written):
        point = int(next(group for group in match_of_code.groups() if group), 16)
        if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF:
            return chr(point)
    elif written in ESCAPES:
        return ESCAPES[written]
    elif len(written) == 1 and not written.isalnum():
        return written
    raise source.refuse(node, f"the escape `{text(node)}`")


def key_of(value: float) -> str | None:
    """Return how a whole number reads as text, else None: JavaScript's forms of other numbers are not repeated here."""
    return str(int(value)) if value == int(value) and abs(value) < EXACT else None


def calculated(operator: str, left: float, right: float) -> float | None:
    """Return a binary operation on doubles; None where the result is not finite or the operator is another one."""
    try:
        match operator:
            case "+":
                result = left + right
            case "-":
                result = left - right
            case "*":
                result = left * right
            case "/":
                result = left / right
            case "%":
                result = math.fmod(left, right)
            case "**":
                result = math.pow(left, right)
            case _:
                return None
    except (ArithmeticError, ValueError):
        return None
    return result if math.isfinite(result) else None


def compared(operator: str, left: object, right: object) -> bool | None:
    """Return a comparison of scalars; None for another operator, or values whose comparison converts them."""
    if not isinstance(left, str | float | bool | None) or not isinstance(right, str | float | bool | None):
        return None
    same = type(left) is type(right) and left == right
    if operator in {"===", "!=="}:
        return same == (operator == "===")
    if isinstance(left, float) and isinstance(right, float) and operator in ORDER:
        return bool(ORDER[operator](left, right))
    return None
