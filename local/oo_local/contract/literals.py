"""Literals and operators with JavaScript's meaning: every number is a double."""

from __future__ import annotations

import math
import re

from tree_sitter import Node

from oo_local.contract.source import Source, text

__all__ = ["calculated", "escape", "key_of", "number"]

EXACT = 2**53  # above it neighbouring integers are one double
DIGITS = r"\d(?:_?\d)*"
DECIMAL = re.compile(rf"(?:(?:0|[1-9](?:_?\d)*)(?:\.(?:{DIGITS})?)?|\.{DIGITS})(?:[eE][+-]?{DIGITS})?")
BASED = re.compile(r"0(?:[xX][\da-fA-F](?:_?[\da-fA-F])*|[oO][0-7](?:_?[0-7])*|[bB][01](?:_?[01])*)")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
CODE = re.compile(r"x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}")


def number(source: Source, node: Node) -> float:
    """The double that a number literal means; octal the old way and big integers are refused."""
    written = text(node)
    if BASED.fullmatch(written):
        return float(int(written, 0))
    if DECIMAL.fullmatch(written):
        return float(written.replace("_", ""))
    raise source.refuse(node, f"the number `{written}`")


def escape(source: Source, node: Node) -> str:
    """The character that an escape sequence means."""
    written = text(node)[1:]
    if found := CODE.fullmatch(written):
        point = int(next(group for group in found.groups() if group), 16)
        if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF:
            return chr(point)
    elif written in ESCAPES:
        return ESCAPES[written]
    elif len(written) == 1 and not written.isalnum():
        return written
    raise source.refuse(node, f"the escape `{text(node)}`")


def key_of(value: float) -> str | None:
    """How a whole number reads as text; how JavaScript writes other numbers is not repeated here."""
    return str(int(value)) if value == int(value) and abs(value) < EXACT else None


def calculated(operator: str, left: float, right: float) -> float | None:
    """A binary operation on doubles, or None where the result is no finite number or the operator is another one."""
    try:
        match operator:
            case "+":
                found = left + right
            case "-":
                found = left - right
            case "*":
                found = left * right
            case "/":
                found = left / right
            case "%":
                found = math.fmod(left, right)
            case "**":
                found = math.pow(left, right)
            case _:
                return None
    except (ArithmeticError, ValueError):
        return None
    return found if math.isfinite(found) else None
