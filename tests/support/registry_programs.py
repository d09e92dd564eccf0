"""Random registries out of what is evaluated: enums, helpers, Maps, and lists that are filtered, mapped and cut."""

from __future__ import annotations

import random

__all__ = ["program"]

BEFORE = """enum E { A = 3, B, C = A * 4 + B }
const H = 60;
const T = { day: 24 };
const M = new Map([['x', 9], ['y', 8], ['x', 11]]);
const S = new Set(['a', 'b', 'a']);
const OFF = new Set(['b', 'e']);
const hours = (n: number) => n * H;
function mins(n: number): number { return hours(n) / 60; }
const add = (a: number, b = 2) => a + b;
const least = (x = hours(1)) => x - H + 1;
"""
NUMBERS = [
    "7", "H", "E.A", "E.B", "E.C", "hours(2)", "mins(3)", "T.day", "M.get('x')!", "(H > 50 ? 3 : 7)", "`ab`.length",
    "add(2, H)", "add(5)", "least()", "S.size", "[5, 6, 7][1]", "(true && !false ? 4 : 2)",
]  # fmt: skip
PAIRS = "(f: any) => [f.name, f]"


def program(draw: random.Random) -> str:
    """The text of a registry; whether its seconds are whole and its names differ is left to chance."""
    entries = ", ".join(f"{{ name: '{name}', ttlSec: {_number(draw)} }}" for name in "abcdef")
    made = "LIST"
    for _ in range(draw.randint(0, 4)):
        made = _changed(draw, made)
    return f"{BEFORE}const LIST: any[] = [{entries}];\nexport const REGISTRY = {made};\n"


def _number(draw: random.Random, entry: str = "", depth: int = 2) -> str:
    if depth == 0 or draw.random() < 0.4:
        of_entry = [f"{entry}.ttlSec", f"{entry}.name.length"] if entry else []
        return draw.choice([*NUMBERS, str(draw.randint(-3, 90)), *of_entry])
    left, right = _number(draw, entry, depth - 1), _number(draw, entry, depth - 1)
    return f"({left} {draw.choice('+-*')} {right})"


def _condition(draw: random.Random, depth: int = 2) -> str:
    if depth and draw.random() < 0.4:
        return f"({_condition(draw, depth - 1)} {draw.choice(['&&', '||'])} {_condition(draw, depth - 1)})"
    compared = f"({_number(draw, 'f', 1)} {draw.choice(['<', '<=', '>', '>=', '===', '!=='])} {_number(draw, 'f', 1)})"
    named = f"(f.name {draw.choice(['===', '!=='])} '{draw.choice('abcdef')}')"
    return draw.choice(["", "!"]) + draw.choice(
        ["OFF.has(f.name)", "['a', 'c', 'f'].includes(f.name)", compared, named]
    )


def _changed(draw: random.Random, made: str) -> str:
    first, last = draw.randint(-7, 7), draw.randint(-7, 7)
    return draw.choice(
        [
            f"{made}.filter((f: any) => {_condition(draw)})",
            f"{made}.slice({first})",
            f"{made}.slice({first}, {last})",
            f"{made}.map((f: any, i: number) => ({{ ...f, ttlSec: {_number(draw, 'f')} + i }}))",
            f"{made}.map(({{ name, ttlSec }}: any) => ({{ name, ttlSec: ttlSec + {_number(draw)} }}))",
            f"[...{made}]",
            f"Object.values(Object.fromEntries({made}.map({PAIRS})))",
            f"[...new Map({made}.map({PAIRS})).values()]",
            f"Object.freeze({made})",
            f"{made}.flatMap((f: any) => {_condition(draw)} ? [f] : [])",
            f"Object.entries(Object.fromEntries({made}.map({PAIRS}))).map(([name, f]: any) => ({{ ...f, name }}))",
        ]
    )
