"""The registry is evaluated as its compiler does, or refused at a line; what is uncertain is never "equal"."""

# ruff: noqa: E501  # one registry a line
from __future__ import annotations

import json
import math
import operator
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_features.contract import contract_digest, profile_promises
from oo_features.registry_ts.contract_comparison import differences
from oo_features.registry_ts.literals import calculated
from oo_features.registry_ts.registry_entries import entries
from oo_features.registry_ts.source_file import NotConstant

OO_ML = Path(sys.prefix) / "bin" / "oo-ml"
COPY = Path(__file__).parent / "registry"
DAY = 86_400
ONE = "export const REGISTRY = [{ name: 'a', ttlSec: 60 }];\n"


def written(folder, text, **others):
    """A registry and its neighbours."""
    for name, code in {"registry": text, **others}.items():
        (folder / f"{name}.ts").write_text(code)
    return folder / "registry.ts"


def read(path, export=None):
    return {entry.name: (entry.ttl_sec, entry.dtype) for entry in entries(path, export).entries}


def with_ttl(expression, before=""):
    return f"{before}\nexport const REGISTRY = [{{ name: 'a', ttlSec: {expression} }}] as const;\n"


EXPRESSIONS = {
    "24 * 60 * 60": DAY,
    "60_000 / 1000": 60,
    "(1 + 2) * -(-20)": 60,
    "1 + 2 * 3 - 4": 3,
    "2 ** 3 ** 2": 512,
    "7 % 4": 3,
    "-7 % 4": -3,
    "0x3c": 60,
    "0b11_00": 12,
    "0o17": 15,
    "6e1": 60,
    ".5e2 + 1.": 51,
    "+60": 60,
    "(60 as number)": 60,
    "<number>60": 60,
    "60 satisfies number": 60,
    "/* 5 */ 60 // 7": 60,
    "60!": 60,
}


@pytest.mark.parametrize(("expression", "seconds"), EXPRESSIONS.items())
def test_a_number_is_what_typescript_makes_of_it(tmp_path, expression, seconds):
    text = with_ttl(expression.replace("//", "/*") + (" */" if "//" in expression else ""))

    assert read(written(tmp_path, text)) == {"a": (seconds, None)}


RIGHT = {
    "a record": ("export const R = { a: { ttlSec: 60, dtype: 'int' }, 'b': { ttlSec: 5 } };", {"a": (60, "int"), "b": (5, None)}),
    "a record with names": ("export const R = { a: { name: 'a', ttlSec: 60 } } satisfies X;", {"a": (60, None)}),
    "a computed key": ("const K = 'a'; export const R = { [K]: { ttlSec: 60 }, [`${K}b`]: { ttlSec: 5 } };", {"a": (60, None), "ab": (5, None)}),
    "a computed field": ("const T = 'ttlSec'; export const R = [{ name: 'a', [T]: 60 }];", {"a": (60, None)}),
    "a quoted field": ("export const R = [{ 'name': 'a', \"ttlSec\": 60 }];", {"a": (60, None)}),
    "shorthand": ("const name = 'a'; const ttlSec = 60; export const R = [{ name, ttlSec }];", {"a": (60, None)}),
    "a template": ("const N = 30; export const R = [{ name: `a_${N}d\\x41`, ttlSec: 60 }];", {"a_30dA": (60, None)}),
    "joined text": ("export const R = [{ name: 'a' + \"b\", ttlSec: 60 }];", {"ab": (60, None)}),
    "entries in comments": ("// { name: 'x', ttlSec: 1 },\nexport const R = [/* { name: 'y', ttlSec: 2 }, */ { name: 'a', ttlSec: 60 }];", {"a": (60, None)}),
    "entries in text": ("const doc = \"export const R = [{ name: 'x', ttlSec: 1 }]\";\n" + ONE, {"a": (60, None)}),
    "entries in a template": ("const doc = `\n{ name: 'x', ttlSec: 1 },`;\n" + ONE, {"a": (60, None)}),
    "a spread array": ("const B = [{ name: 'b', ttlSec: 5 }]; export const R = [...B, { name: 'a', ttlSec: 60 }];", {"b": (5, None), "a": (60, None)}),
    "a spread object": ("const D = { ttlSec: 5, dtype: 'int' }; export const R = [{ ...D, name: 'a' }];", {"a": (5, "int")}),
    "a spread before": ("const D = { ttlSec: 5 }; export const R = [{ name: 'a', ...D, ttlSec: 60 }];", {"a": (60, None)}),
    "a spread after": ("const D = { ttlSec: 5 }; export const R = [{ name: 'a', ttlSec: 60, ...D }];", {"a": (5, None)}),
    "a spread record": ("const B = { a: { ttlSec: 5 } }; export const R = { ...B, b: { ttlSec: 60 } };", {"a": (5, None), "b": (60, None)}),
    "an entry by name": ("const a = { name: 'a', ttlSec: 60 } as const; export const R = [a];", {"a": (60, None)}),
    "a member": ("const T = { day: { sec: 60 } }; export const R = [{ name: 'a', ttlSec: T.day['sec'] }];", {"a": (60, None)}),
    "an element": ("const T = [5, 60]; export const R = [{ name: 'a', ttlSec: T[1] }];", {"a": (60, None)}),
    "exported below": ("const R = [{ name: 'a', ttlSec: 60 }]; export { R as REGISTRY };", {"a": (60, None)}),
    "the default": ("export default [{ name: 'a', ttlSec: 60 }] as const;", {"a": (60, None)}),
    "twice by one value": ("export const R = [{ name: 'a', ttlSec: 60 }]; export default R;", {"a": (60, None)}),
    "the whole, not its parts": ("export const B = [{ name: 'b', ttlSec: 5 }]; export const R = [...B, { name: 'a', ttlSec: 60 }];", {"b": (5, None), "a": (60, None)}),
    "fields that are not asked for": ("export const R = [{ name: 'a', ttlSec: 60, schema: z.number(), get x() { return 1; }, f: async () => 1 }];", {"a": (60, None)}),
    "read at the end": (ONE + "export const N = REGISTRY.map((f) => f.name); export const M = new Map(REGISTRY.map((f) => [f.name, f.ttlSec]));", {"a": (60, None)}),
    "names for a schema": (ONE + "export const S = z.enum(REGISTRY.map((f) => f.name)); export const O = Object.fromEntries(REGISTRY.map((f) => [f.name, f]));", {"a": (60, None)}),
    "functions that read": (ONE + "export function ttl(n: string) { return lookup(REGISTRY.filter((f) => f.name === n)); }", {"a": (60, None)}),
    "imported functions": ("import { log } from 'log';\nconst logger = log('x');\n" + ONE + "export const of = (n: string) => REGISTRY.find((f) => f.name === n);", {"a": (60, None)}),
    "types beside it": ("interface F { name: string; ttlSec: number }\n" + ONE + "export type N = (typeof REGISTRY)[number]['name'];", {"a": (60, None)}),
    "dtypes": ("export const R = [{ name: 'a', ttlSec: 60, dtype: 'number' }, { name: 'b', ttlSec: 5, dtype: 'boolean' }, { name: 'c', ttlSec: 5, dtype: 'category' }];", {"a": (60, "float32"), "b": (5, "bool"), "c": (5, "category")}),
    "an enum": ("enum T { Hour = 3600, Day = 24 * Hour }\nexport const R = [{ name: 'a', ttlSec: T.Day }];", {"a": (DAY, None)}),
    "a frozen one": ("export const R = Object.freeze([{ name: 'a', ttlSec: 60 }]);", {"a": (60, None)}),
    "a filtered one": ("const ALL = [{ name: 'a', ttlSec: 60 }, { name: 'b', ttlSec: 5 }];\nexport const R = ALL.filter((f) => f.ttlSec > 5);", {"a": (60, None)}),
    "a filtered one with all of it": ("export const ALL = [{ name: 'a', ttlSec: 60 }];\nexport const R = ALL.filter((f) => f.ttlSec > 5);", {"a": (60, None)}),
    "a filtered one beside one called registry": ("export const REGISTRY = [{ name: 'a', ttlSec: 60 }, { name: 'b', ttlSec: 5 }];\nexport const SLOW = REGISTRY.filter((f) => f.ttlSec > 5);", {"a": (60, None), "b": (5, None)}),
    "an override": ("const B = { ...{ a: { ttlSec: 5 } } }; export const R = { ...B, a: { ttlSec: 60 } };", {"a": (60, None)}),
}  # fmt: skip


@pytest.mark.parametrize("what", RIGHT)
def test_a_construct_is_evaluated(tmp_path, what):
    text, expected = RIGHT[what]

    assert read(written(tmp_path, text)) == expected


IMPORTS = {
    "renamed": ("import { DAY as D } from './c';", "D"),
    "with a suffix": ("import { DAY } from './c.js';", "DAY"),
    "the default": ("import day from './c';", "day"),
    "the whole file": ("import * as times from './c';", "times.DAY"),
    "re-exported": ("import { LONG } from './d';", "LONG"),
    "by a star": ("import { DAY } from './d';", "DAY"),
    "a namespace re-exported": ("import { times } from './d';", "times.TTL.day"),
    "beside a type": ("import { type T, DAY } from './c';", "DAY"),
}


@pytest.mark.parametrize("how", IMPORTS)
def test_a_constant_comes_from_another_file(tmp_path, how):
    before, expression = IMPORTS[how]
    constants = "const HOUR = 3600; export const DAY = 24 * HOUR; export const TTL = { day: DAY }; export default DAY;"
    handed_on = "export { DAY as LONG } from './c'; export * from './c'; export * as times from './c';"

    found = read(written(tmp_path, with_ttl(expression, before), c=constants, d=handed_on))

    assert found == {"a": (DAY, None)}


def test_a_whole_registry_comes_from_another_file(tmp_path):
    assert read(written(tmp_path, "export * from './all';", all=ONE)) == {"a": (60, None)}


# The refusal names the line that is marked by `@` (a comment), or the first.
WRONG = {
    "a function call": with_ttl("days(1) /*@*/"),
    "Math": with_ttl("Math.round(60.2) /*@*/"),
    "a conditional": with_ttl("FAST ? 60 : 90 /*@*/"),
    "a default": with_ttl("null ?? 60 /*@*/"),
    "an or": with_ttl("0 || 60 /*@*/"),
    "the environment": with_ttl("process.env.TTL /*@*/"),
    "the environment as a number": with_ttl("+process.env.TTL! /*@*/"),
    "an unknown name": with_ttl("DAY /*@*/"),
    "a package": "import { DAY } from 'times'; /*@*/\n" + with_ttl("DAY"),
    "a missing file": "import { DAY } from './nowhere'; /*@*/\n" + with_ttl("DAY"),
    "a missing file that does something": "import './nowhere'; /*@*/\n" + ONE,
    "a missing export": "import { DAY } from './c'; /*@*/\n" + with_ttl("DAY"),
    "an ambiguous export": "import { X } from './stars'; /*@*/\n" + with_ttl("X"),
    "a type as a value": "import type { HOUR } from './c';\n" + with_ttl("HOUR /*@*/"),
    "text": with_ttl("'60' /*@*/"),
    "text and a number": with_ttl("'6' + 0 /*@*/"),
    "a part of a second": with_ttl("1 / 3 /*@*/"),
    "a division by zero": with_ttl("1 / (1 / 0) /*@*/"),
    "null": with_ttl("null /*@*/"),
    "undefined": with_ttl("undefined /*@*/"),
    "infinity": with_ttl("Infinity /*@*/"),
    "too large": with_ttl("2 ** 53 /*@*/"),
    "a big integer": with_ttl("60n /*@*/"),
    "octal the old way": with_ttl("060 /*@*/"),
    "a shift": with_ttl("1 << 6 /*@*/"),
    "a sign before a power": with_ttl("-2 ** 2 /*@*/"),
    "a comma": with_ttl("(5, 60) /*@*/"),
    "a variable": with_ttl("T /*@*/", "let T = 60;"),
    "an old variable": with_ttl("T /*@*/", "var T = 60;"),
    "a pattern": with_ttl("DAY /*@*/", "const { DAY } = { DAY: 60 };"),
    "a missing member": with_ttl("T.week /*@*/", "const T = { day: 60 };"),
    "an inherited member": with_ttl("T.constructor /*@*/", "const T = { day: 60 };"),
    "an ambient constant": with_ttl("T /*@*/", "declare const T: number;"),
    "a constant twice": "const T = 60;\nconst T = 5; /*@*/\n" + with_ttl("T"),
    "a constant and an import": "import { HOUR } from './c';\nconst HOUR = 5; /*@*/\n" + with_ttl("HOUR"),
    "used too early": "export const R = [{ name: 'a', ttlSec: T }]; /*@*/\nconst T = 60;",
    "made from itself": "const T = T + 1; /*@*/\n" + with_ttl("T"),
    "a field twice": "export const R = [{ name: 'a', ttlSec: 60,\n ttlSec: 5 /*@*/ }];",
    "a field twice by a computed key": "export const R = [{ name: 'a', ttlSec: 60,\n ['ttlSec']: 5 /*@*/ }];",
    "an escaped field": "export const R = [{ name: 'a', ttlSec: 60,\n ttl\\u0053ec: 5 /*@*/ }];",
    "a prototype": "export const R = [{ name: 'a',\n __proto__: { ttlSec: 5 } /*@*/ }];",
    "a getter": "export const R = [{ name: 'a',\n get ttlSec() { return 5; } /*@*/ }];",
    "a name twice": "export const R = [{ name: 'a', ttlSec: 60 },\n{ name: 'a', ttlSec: 60 } /*@*/];",
    "a name twice by a spread": "const B = [{ name: 'a', ttlSec: 60 }]; /*@*/\nexport const R = [\n{ name: 'a', ttlSec: 60 }, ...B];",
    "a key twice": "export const R = { a: { ttlSec: 60 },\na: { ttlSec: 60 } /*@*/ };",
    "a key that is another's name": "export const R = { a: { name: 'b', ttlSec: 60 } }; /*@*/",
    "no name": "export const R = [{ ttlSec: 60 }]; /*@*/",
    "no ttlSec": "export const R = [{ name: 'a', ttlSec: 60 },\n{ name: 'b', ttl: 60 } /*@*/];",
    "an unknown dtype": "export const R = [{ name: 'a', ttlSec: 60, dtype: 'decimal' }]; /*@*/",
    "a hole": "export const R = [{ name: 'a', ttlSec: 60 },\n, /*@*/ ];",
    "an entry that is no object": "export const R = [{ name: 'a', ttlSec: 60 },\n'b' /*@*/ ];",
    "an unknown spread": "export const R = [{ name: 'a', ttlSec: 60 },\n...more() /*@*/ ];",
    "an unknown spread of fields": "export const R = [{ name: 'a', ttlSec: 60,\n...more /*@*/ }];",
    "an unknown computed key": "export const R = [{ name: 'a', ttlSec: 60,\n[key()]: 5 /*@*/ }];",
    "a conditional spread": "export const R = [{ name: 'a', ttlSec: 60 },\n...(BETA ? [{ name: 'b', ttlSec: 5 }] : []) /*@*/ ];",
    "a helper around it": "export const R = define([{ name: 'a', ttlSec: 60 }]); /*@*/",
    "a filtered one beside the whole": "export const ALL = [{ name: 'a', ttlSec: 60 }, { name: 'b', ttlSec: 5 }];\nexport const R = ALL.filter((f) => f.ttlSec > 5); /*@*/",
    "an enum of a function": "declare function day(): number;\nenum T { Day = day() } /*@*/\n" + with_ttl("T.Day"),
    "an enum twice": with_ttl("T.Day", "enum T { Day = 60 }\nenum T { Week = 5 } /*@*/"),
    "a frozen call of nobody": "export const R = Object.freeze(build()); /*@*/",
    "a loop": "export const R = [{ name: 'a', ttlSec: 60 }];\nfor (const n of ['b']) { R.push({ name: n, ttlSec: 5 }); } /*@*/",
    "a push": ONE + "REGISTRY.push({ name: 'b', ttlSec: 5 }); /*@*/",
    "a push in a constant": ONE + "const n = REGISTRY.push({ name: 'b', ttlSec: 5 }); /*@*/",
    "a push in a function": ONE + "function more() { REGISTRY.push({ name: 'b', ttlSec: 5 }); /*@*/\n}\nconst x = more();",
    "a push in place": ONE + "const x = (() => REGISTRY.push(b))(); /*@*/",
    "an assignment": ONE + "REGISTRY[0].ttlSec = 5; /*@*/",
    "an assignment in a map": ONE + "const x = REGISTRY.map((f) => { f.ttlSec = 5; return f; }); /*@*/",
    "a deletion in a map": ONE + "const x = REGISTRY.map((f) => delete f.ttlSec); /*@*/",
    "a patch": ONE + "const x = patch(REGISTRY); /*@*/",
    "a patch by a function of the file": ONE + "function early() { patch(REGISTRY); }\nconst x = early(); /*@*/",
    "Object.assign": ONE + "const x = Object.assign(REGISTRY[0], { ttlSec: 5 }); /*@*/",
    "a push by another name": ONE + "const alias = REGISTRY;\nconst n = alias.push({ name: 'b', ttlSec: 5 }); /*@*/",
    "a push by the exports": ONE + "const n = module.exports.REGISTRY.push({ name: 'b', ttlSec: 5 }); /*@*/",
    "a push that is text": ONE + "const n = eval('REGISTRY.push(b)'); /*@*/",
    "a prototype that everything has": ONE + "const n = Object.defineProperty(Object.prototype, 'dtype', { value: 'int' }); /*@*/",
    "a patch in a map": ONE + "const n = REGISTRY.map((f) => patch(f)); /*@*/",
    "a method of its entries": "export const R = [{ name: 'a', ttlSec: 60, m() { this['ttl' + 'Sec'] = 5; } }];\nconst n = R.map((f) => f.m()); /*@*/",
    "a patch of a part": ONE + "const [first] = REGISTRY;\nconst n = patch(first); /*@*/",
    "a patch of the found": ONE + "const first = REGISTRY.find((f) => f.name === 'a');\nconst n = patch(first); /*@*/",
    "a patch of what it is in": ONE + "const n = patch({ all: [REGISTRY] }); /*@*/",
    "a patch of a shorthand": ONE + "const n = patch({ REGISTRY }); /*@*/",
    "a patch of what a map hands on": ONE + "const n = patch(REGISTRY.map((f) => f)); /*@*/",
    "a patch by a tag": ONE + "const n = patch`${REGISTRY}`; /*@*/",
    "a patch by a class": ONE + "class C { static n = patch(REGISTRY); /*@*/ }",
    "a patch by a static block": ONE + "class C { static { REGISTRY[0].ttlSec = 5; /*@*/ } }",
    "a patch of what a function returns": ONE + "const all = () => REGISTRY;\nconst n = all().push({ name: 'b', ttlSec: 5 }); /*@*/",
    "a patch by a loop in a function": ONE + "function f() { for (const x of REGISTRY) x['ttl' + 'Sec'] = 5; }\nconst n = f(); /*@*/",
    "a patch by a function that is handed on": ONE + "function f() { patch(REGISTRY); }\nconst n = run(f); /*@*/",
    "a patch by a constructor": ONE + "class C { constructor() { patch(REGISTRY); } }\nconst n = new C(); /*@*/",
    "a patch in another field": "const E = { name: 'a', ttlSec: 60 };\nexport const R = [E, { name: 'b', ttlSec: 5, x: patch(E) /*@*/ }];",
    "a variable as the registry": "type T = number;\nexport let R = [{ name: 'a', ttlSec: 60 }]; /*@*/",
    "an if": ONE + "if (process.env.CI) { patch(); } /*@*/",
    "two registries": "export const R = [{ name: 'a', ttlSec: 60 }];\nexport const S = [{ name: 'a', ttlSec: 60 }]; /*@*/",
    "a rival that is unknown": ONE + "export const OTHER = define([{ name: 'b', ttlSec: 5 }]); /*@*/",
    "a rival by its name": "export const ALL = [{ name: 'a', ttlSec: 60 }];\nexport const PROFILE_REGISTRY = build(); /*@*/",
    "only a function": "export function registry() { return [{ name: 'a', ttlSec: 60 }]; }",
    "an empty file": "",
    "a syntax error": "export const R = [\n{ name: 'a' ttlSec: 60 } /*@*/ ];",
    "an unclosed array": "export const R = [{ name: 'a', ttlSec: 60 };",
    "a namespace": "namespace N { export const R = [{ name: 'a', ttlSec: 60 }]; } /*@*/",
    "a tagged template": "export const R = [{ name: tag`a`, ttlSec: 60 }]; /*@*/",
    "a template of a part": "export const R = [{ name: `a${0.5}`, ttlSec: 60 }]; /*@*/",
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_uncertain_is_refused_at_its_line(tmp_path, what):
    text = WRONG[what]
    stars = "export * from './c';\nexport * from './e';"
    others = {"c": "export const HOUR = 3600; export const X = 60;", "e": "export const X = 5;", "stars": stars}
    marked = [line for line, code in enumerate(text.splitlines(), 1) if "/*@*/" in code]

    with pytest.raises(NotConstant) as refused:
        read(written(tmp_path, text, **others))

    assert Path(refused.value.place.file).parent == tmp_path
    assert refused.value.why
    assert refused.value.place.line
    assert not marked or refused.value.place.line == marked[0], str(refused.value)


def test_a_cycle_of_files_is_refused(tmp_path):
    text = with_ttl("D", "import { D } from './c';\nexport const HOUR = 3600;")

    with pytest.raises(NotConstant, match="cycle"):
        read(written(tmp_path, text, c="import { HOUR } from './registry'; export const D = 24 * HOUR;"))


def test_a_change_from_the_file_of_constants_is_refused(tmp_path):
    constants = "export const T = { day: 60 };\nconst x = Object.assign(T, { day: 5 });"

    with pytest.raises(NotConstant) as refused:
        read(written(tmp_path, with_ttl("T.day", "import { T } from './c';"), c=constants))

    assert (Path(refused.value.place.file).name, refused.value.place.line) == ("c.ts", 2)


PATCH = "const n = R.push({ name: 'b', ttlSec: 5 });"
RUN = {
    "by a bare import": ("import './p';", {}, "p"),
    "by what it hands on": ("export * from './p';", {}, "p"),
    "by a file between": ("import { f } from './q';", {"q": "import './p'; export function f() {}"}, "p"),
    "by require": ("const p = require('./p');", {}, "p"),
    "by its constant": ("import { D } from './p'; export const day = D;", {}, "p"),
    "under the file's name": ("import './q';", {"q": "import * as c from './c';\nconst n = Object.assign(c.R[0], { ttlSec: 5 });"}, "q"),
    "by another name": ("import './q';", {"q": "import { S } from './p2';\nS.pop();", "p2": "export { R as S } from './c';"}, "q"),
    "in a loop": ("import './q';", {"q": "import { R } from './c';\nfor (const f of R) f['ttl' + 'Sec'] = 5;"}, "q"),
    "by a function": ("import { f } from './q';\nconst n = f();", {"q": "import { R } from './c'; export function f() { const all = R; all.pop(); }"}, "registry"),
}  # fmt: skip


@pytest.mark.parametrize("how", RUN)
def test_a_change_from_another_file_that_runs_is_refused(tmp_path, how):
    """`c.ts` holds the registry; `p.ts` imports it and pushes into it."""
    before, more, where = RUN[how]
    files = {"c": ONE.replace("REGISTRY", "R"), "p": f"import {{ R }} from './c'; export const D = 60;\n{PATCH}"}

    with pytest.raises(NotConstant) as refused:
        read(written(tmp_path, f"{before}\nexport {{ R }} from './c';", **(files | more)))

    assert (Path(refused.value.place.file).stem, refused.value.place.line) == (where, 2)


def test_files_that_only_read_or_know_nothing_of_it_are_no_obstacle(tmp_path):
    text = (
        "import { log } from './does';\nimport { ttl } from './reads';\nimport { T } from './c';\nimport 'a-package';\n"
    )
    text += "export const REGISTRY = [{ name: 'a', ttlSec: T.minute }];"
    does = "import { T } from './c';\nconsole.log('up'); if (process.env.CI) { run(); }\nexport const log = () => T.minute;"
    reads = (
        "import { REGISTRY } from './registry';\nexport const ttl = (n: string) => REGISTRY.find((f) => f.name === n);"
    )

    found = read(written(tmp_path, text, does=does, reads=reads, c="export const T = { minute: 60 };"))

    assert found == {"a": (60, None)}


def test_a_line_end_in_a_template_is_what_javascript_makes_of_it(tmp_path):
    (tmp_path / "registry.ts").write_bytes(b"// x\rexport const R = [{ name: `a\r\nb`,\r\n ttlSec: 60 }];\n")

    assert read(tmp_path / "registry.ts") == {"a\nb": (60, None)}


def test_what_is_nested_too_deeply_is_refused(tmp_path):
    with pytest.raises(NotConstant):
        read(written(tmp_path, with_ttl("(" * 5_000 + "60" + ")" * 5_000)))


def test_which_registry_is_meant_can_be_said(tmp_path):
    path = written(tmp_path, ONE + "export const CONTEXT = [{ name: 'b', ttlSec: 0 }];")

    assert read(path, "CONTEXT") == {"b": (0, None)}
    with pytest.raises(NotConstant, match="nobody"):
        read(path, "nobody")


NUMBERS = st.integers(0, 10**9) | st.floats(0, 1e9, allow_nan=False).map(lambda value: round(value, 3))
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": math.fmod}


def spelt(value):
    return st.sampled_from([f"{value:_}", str(value), *([hex(value), bin(value)] if isinstance(value, int) else [])])


LEAVES = NUMBERS.flatmap(lambda value: st.tuples(spelt(value), st.just(float(value))))


def grown(smaller):
    signed = smaller.map(lambda one: (f"-({one[0]})", -one[1]))
    return signed | st.tuples(smaller, st.sampled_from(sorted(OPERATORS)), smaller).map(joined)


def joined(parts):
    (left, first), sign, (right, second) = parts
    try:
        return f"({left}) {sign} ({right})", OPERATORS[sign](first, second)
    except (ArithmeticError, ValueError):
        return "60", 60.0


@given(st.recursive(LEAVES, grown, max_leaves=12))
def test_an_expression_is_what_python_makes_of_it(tmp_path_factory, expression):
    code, value = expression
    path = written(tmp_path_factory.getbasetemp(), with_ttl(code))
    certain = math.isfinite(value) and value == int(value) and abs(value) < 2**53

    if certain:
        assert read(path) == {"a": (int(value), None)}
    else:
        with pytest.raises(NotConstant):
            read(path)


PLAIN = st.recursive(
    st.integers(1, 999).map(str),
    lambda smaller: (
        st.tuples(smaller, st.sampled_from(["+", "-", "*"]), smaller).map(" ".join)
        | smaller.map(lambda code: f"({code})")
    ),
    max_leaves=10,
)


@given(PLAIN)
def test_operators_bind_as_in_python(tmp_path_factory, code):
    value = eval(code)  # noqa: S307  # digits, operators and parentheses
    path = written(tmp_path_factory.getbasetemp(), with_ttl(code))

    if abs(value) < 2**53:
        assert read(path) == {"a": (value, None)}
    else:
        with pytest.raises(NotConstant):
            read(path)


@pytest.mark.parametrize(
    ("sign", "left", "right"), [("/", 1.0, 0.0), ("**", 1e200, 2.0), ("**", -8.0, 1 / 3), ("&", 1.0, 1.0)]
)
def test_no_finite_number_is_no_number(sign, left, right):
    assert calculated(sign, left, right) is None


MUTATIONS = {
    "days_since_signup": ("signup", {("days_since_signup", "missing in TypeScript"), ("signup", "missing in Python")}),
    "7 * DAY": ("8 * DAY", {("preferred_hour", "other ttlSec")}),
    "86_400_000 / 1000": ("86_400_000 / 100", {("active_days_14d", "other ttlSec")}),
    "HOUR as ONE_HOUR": ("DAY as ONE_HOUR", {("tip_volume_7d", "other ttlSec"), ("tasks_open_avg_7d", "other ttlSec")}),
    "WINDOW_DAYS = 30": ("WINDOW_DAYS = 30 as const", set()),
    "  ...activity,\n": ("", {("active_days_14d", "missing in TypeScript")}),
    "  // { name": ("  { name", {("sessions_7d", "missing in Python")}),
    "dtype: 'int',\n    ttlSec: 86_400_000": ("dtype: 'number',\n    ttlSec: 86_400_000", set()),
    "dtype: 'float', ttlSec: 24": ("dtype: 'number', ttlSec: 24", set()),
    "name: 'tip_volume_7d',\n    dtype: 'int'": ("name: 'tip_volume_7d',\n    dtype: 'float'", {("tip_volume_7d", "other dtype")}),
    "name: 'tip_volume_7d',\n    dtype: 'int',": ("name: 'tip_volume_7d',", set()),
}  # fmt: skip


@pytest.mark.parametrize("before", MUTATIONS)
def test_a_change_of_the_registry_is_seen(tmp_path, before):
    after, expected = MUTATIONS[before]
    text = (COPY / "registry.ts").read_text()
    assert before in text

    path = written(tmp_path, text.replace(before, after), constants=(COPY / "constants.ts").read_text())
    found = differences(entries(path))

    assert {(item.feature, item.kind) for item in found} == expected
    assert all(item.typescript_at.line and item.python_at.line for item in found)


def contract(*words, **environ):
    given = {name: value for name, value in os.environ.items() if name != "OO_PROFILE_REGISTRY"}
    given |= {"NO_COLOR": "1", "COLUMNS": "40"} | environ
    return subprocess.run(
        [OO_ML, "contract", *words], env=given, capture_output=True, text=True, check=False, timeout=60
    )


def test_check_says_equal(tmp_path):
    by_path, by_variable = (
        contract("check", COPY / "registry.ts"),
        contract("check", OO_PROFILE_REGISTRY=str(COPY / "registry.ts")),
    )

    assert (by_path.returncode, by_variable.returncode) == (0, 0)
    assert "equal: 8 features" in by_path.stdout


def test_check_takes_the_root_of_a_repository(tmp_path):
    folder = tmp_path / "services" / "api" / "src" / "profile"
    folder.mkdir(parents=True)
    written(folder, ONE)

    done = contract("check", tmp_path, "--output", "json")

    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert not said["equal"]
    assert {item["kind"] for item in said["differences"]} == {"missing in Python", "missing in TypeScript"}
    assert all(item["typescript"]["line"] and item["python"]["line"] for item in said["differences"])


def test_check_shows_each_difference_with_its_lines(tmp_path):
    text = (COPY / "registry.ts").read_text().replace("7 * DAY", "8 * DAY")
    path = written(tmp_path, text, constants=(COPY / "constants.ts").read_text())

    done = contract("check", path)

    line = next(line for line in done.stdout.splitlines() if line.startswith("preferred_hour"))
    assert done.returncode == 1
    assert f"{path}:48" in line
    assert re.search(r"profile_schema\.py:\d+", line)


@pytest.mark.parametrize("form", ["table", "json"])
def test_check_refuses_with_the_line(tmp_path, form):
    path = written(tmp_path, with_ttl("days(1)"))

    done = contract("check", path, "--output", form)

    assert done.returncode == 2
    assert "function call" in done.stdout + done.stderr
    assert f"{path}:2:" in done.stderr or json.loads(done.stdout)["line"] == 2
    assert "Traceback" not in done.stderr


def test_check_refuses_what_is_not_there(tmp_path):
    done = contract("check", tmp_path / "registry.ts")

    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be read" in done.stderr


def test_digest_is_one_number_for_both_sides(tmp_path):
    ours, theirs = contract("digest"), contract("digest", COPY / "registry.ts")
    other = contract("digest", written(tmp_path, ONE))

    assert ours.stdout == theirs.stdout == f"{contract_digest(profile_promises())}\n"
    assert other.stdout != ours.stdout
    assert contract("digest", tmp_path / "nothing.ts").returncode == 2
