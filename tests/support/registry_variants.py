"""Registries as people write them, and as they are patched while their module loads: what each has to be called.

`{E}` stands for the entries of our mirror, `{F}` for the first of them, `{REST}` for the others, `{N}` for the first's
name. Where `/*T*/` stands, ` + 1` makes another registry of the same form.
"""

# ruff: noqa: E501  # one registry a line
from __future__ import annotations

from dataclasses import dataclass, field

from oo_features.contract import profile_promises

__all__ = ["EXPORT", "VARIANTS", "Variant"]

EXPORT = "REGISTRY"
WORDS = {"float32": "float", "int": "int"}
PROMISES = profile_promises()


@dataclass(frozen=True)
class Variant:
    """A registry and the files beside it; `verdict` is "equal", "different" or "refused"."""

    name: str
    verdict: str
    text: str
    others: dict[str, str] = field(default_factory=dict)


def entry(place: int, ttl: str | None = None, word: str | None = None) -> str:
    name, seconds, dtype = PROMISES[place]
    return f"{{ name: '{name}', dtype: '{word or WORDS[dtype]}', ttlSec: {ttl or seconds} }}"


REST = ", ".join(entry(place) for place in range(1, len(PROMISES)))
NAME, TTL, DTYPE = PROMISES[0][0], PROMISES[0][1], WORDS[PROMISES[0][2]]
HOURS = TTL / 3600
FILLED = {
    "{E}": f"{entry(0, f'{TTL}/*T*/')}, {REST}", "{F}": entry(0, f"{TTL}/*T*/"), "{REST}": REST, "{N}": NAME, "{D}": DTYPE,
    "{T}": str(TTL), "{H}": f"{HOURS:g}",
    "{RECORD}": ", ".join(f"{name}: {entry(place, f'{TTL}/*T*/' if place == 0 else None)}" for place, (name, _, _) in enumerate(PROMISES)),
    "{PAIRS}": ", ".join(f"['{name}', {entry(place, f'{TTL}/*T*/' if place == 0 else None)}]" for place, (name, _, _) in enumerate(PROMISES)),
    "{NUMBERS}": ", ".join(entry(place, f"{TTL}/*T*/" if place == 0 else None, "number") for place in range(len(PROMISES))),
    "{JSON}": "[" + ", ".join(f'{{"name": "{name}", "dtype": "{WORDS[dtype]}", "ttlSec": {ttl}{"/*J*/" if place == 0 else ""}}}' for place, (name, ttl, dtype) in enumerate(PROMISES)) + "]",
}  # fmt: skip

R = "export const REGISTRY = [{E}];\n"
C = "export const REGISTRY = [{E}] as const;\n"
ORDINARY: dict[str, str | tuple[str, dict[str, str]]] = {
    "plain": R,
    "as const": C,
    "satisfies": "interface F { name: string }\nexport const REGISTRY = [{E}] as const satisfies readonly F[];",
    "record": "export const REGISTRY = { {RECORD} };",
    "number everywhere": "export const REGISTRY = [{NUMBERS}];",
    "enum of seconds": "enum Ttl { Hour = 3600, Day = {T}/*T*/ }\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: Ttl.Day }, {REST}];",
    "const enum": "const enum Ttl { Day = {H} * 3600/*T*/ }\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: Ttl.Day }, {REST}];",
    "enum by brackets": "enum Ttl { Day = {T}/*T*/ }\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: Ttl['Day'] }, {REST}];",
    "enum of words": "enum D { X = '{D}' }\nexport const REGISTRY = [{ name: '{N}', dtype: D.X, ttlSec: {T}/*T*/ }, {REST}];",
    "enum that counts": "enum S { A, B, C = 10, D }\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: {T} + S.A + S.B - 1 + S.D - 11/*T*/ }, {REST}];",
    "enum made of members": "enum S { Minute = 60, Hour = Minute * 60, Day = Hour * {H} }\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: S.Day/*T*/ }, {REST}];",
    "exported enum": "export enum S { Hour = 3600 }\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: S.Hour * {H}/*T*/ }, {REST}];",
    "enum of another file": ("import { S } from './c';\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: S.Hour * {H}/*T*/ }, {REST}];", {"c.ts": "export enum S { Hour = 3600 }"}),
    "frozen": "export const REGISTRY = Object.freeze([{E}]);",
    "frozen as const": "export const REGISTRY = Object.freeze([{E}] as const);",
    "frozen entries": "export const REGISTRY = [Object.freeze({F}), {REST}];",
    "frozen record": "export const REGISTRY = Object.freeze({ {RECORD} });",
    "frozen and again": "const ALL = [{E}];\nexport const REGISTRY = Object.freeze(ALL);",
    "frozen by map": "export const REGISTRY = [{E}].map((f) => Object.freeze(f));",
    "frozen by name of a function": "const freeze = <T>(x: T): Readonly<T> => Object.freeze(x);\nexport const REGISTRY = [{E}].map(freeze);",
    "sealed": "export const REGISTRY = Object.seal([{E}]);",
    "frozen afterwards": R + "Object.freeze(REGISTRY);",
    "frozen afterwards, each": R + "for (const f of REGISTRY) Object.freeze(f);",
    "hours": "const hours = (n: number) => n * 3600;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H})/*T*/ }, {REST}];",
    "hours that return": "const hours = (n: number): number => { return n * 60 * 60; };\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H})/*T*/ }, {REST}];",
    "hours as a function": "function hours(n: number): number { return n * 60 * 60; }\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H})/*T*/ }, {REST}];",
    "hours declared below": "export const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H})/*T*/ }, {REST}];\nfunction hours(n: number): number { return n * 3600; }",
    "hours of minutes": "const minutes = (n: number) => n * 60;\nconst hours = (n: number) => minutes(n * 60);\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H})/*T*/ }, {REST}];",
    "hours with a default": "const hours = (n = {H}) => n * 3600;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours()/*T*/ }, {REST}];",
    "hours of an object": "const time = { hours: (n: number) => n * 3600 };\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: time.hours({H})/*T*/ }, {REST}];",
    "hours of another file": ("import { hours } from './c';\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H})/*T*/ }, {REST}];", {"c.ts": "const HOUR = 3600;\nexport const hours = (n: number) => n * HOUR;"}),
    "hours of a namespace": ("import * as t from './c';\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: t.hours({H})/*T*/ }, {REST}];", {"c.ts": "export function hours(n: number) { return n * 3600; }"}),
    "hours by default": ("import hours from './c';\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H})/*T*/ }, {REST}];", {"c.ts": "export default (n: number) => n * 3600;"}),
    "a choice": "const LONG = true;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: LONG ? {T}/*T*/ : 5 }, {REST}];",
    "a choice by a number": "const V = 2;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: V >= 2 && V < 3 ? {T}/*T*/ : 5 }, {REST}];",
    "define": "interface F { name: string }\nfunction define<T extends readonly F[]>(all: T): T { return all; }\nexport const REGISTRY = define([{E}]);",
    "define by an arrow": "const define = <const T,>(all: T): T => all;\nexport const REGISTRY = define([{E}]);",
    "define each": "interface F { name: string }\nconst feature = (f: F): F => f;\nexport const REGISTRY = [feature({F}), {REST}];",
    "define by name": "const feature = (name: string, rest: object) => ({ name, ...rest });\nexport const REGISTRY = [feature('{N}', { dtype: '{D}', ttlSec: {T}/*T*/ }), {REST}];",
    "define by parts": "const feature = ({ name, ttl }: { name: string; ttl: number }) => ({ name, dtype: '{D}', ttlSec: ttl });\nexport const REGISTRY = [feature({ name: '{N}', ttl: {T}/*T*/ }), {REST}];",
    "define of another file": ("import { define } from './c';\nexport const REGISTRY = define([{E}]);", {"c.ts": "export function define<T>(x: T): T { return x; }"}),
    "define and freeze": "const define = <T,>(all: T[]): readonly T[] => Object.freeze([...all]);\nexport const REGISTRY = define([{E}]);",
    "spread": "const BASE = { dtype: '{D}', ttlSec: {T}/*T*/ } as const;\nexport const REGISTRY = [{ ...BASE, name: '{N}' }, {REST}];",
    "two parts": "const A = [{F}];\nconst B = [{REST}];\nexport const REGISTRY = [...A, ...B];",
    "concat": "const A = [{F}];\nconst B = [{REST}];\nexport const REGISTRY = A.concat(B);",
    "slice of all": "const ALL = [{E}, { name: 'extra', dtype: 'int', ttlSec: 5 }];\nexport const REGISTRY = ALL.slice(0, 8);",
    "slice from the end": "const ALL = [{E}, { name: 'extra', dtype: 'int', ttlSec: 5 }];\nexport const REGISTRY = ALL.slice(0, -1);",
    "filter": "const ALL = [{E}, { name: 'extra', dtype: 'int', ttlSec: 5 }];\nexport const REGISTRY = ALL.filter((f) => f.ttlSec > 5);",
    "filter by name": "const ALL = [{E}, { name: 'extra', dtype: 'int', ttlSec: 5 }];\nconst OFF = ['extra'];\nexport const REGISTRY = ALL.filter((f) => !OFF.includes(f.name));",
    "filter by a set": "const ALL = [{E}, { name: 'extra', dtype: 'int', ttlSec: 5 }];\nconst OFF = new Set(['extra']);\nexport const REGISTRY = ALL.filter(({ name }) => !OFF.has(name));",
    "filter by a function": "const ALL = [{E}, { name: 'extra', dtype: 'int', ttlSec: 5 }];\nconst kept = (f: { name: string }) => f.name !== 'extra';\nexport const REGISTRY = ALL.filter(kept);",
    "map of pairs": "const TTL: [string, string, number][] = [{E}].map((f) => [f.name, f.dtype, f.ttlSec]);\nexport const REGISTRY = TTL.map(([name, dtype, ttlSec]) => ({ name, dtype, ttlSec }));",
    "map that adds": "export const REGISTRY = [{E}].map((f) => ({ ...f, cached: true }));",
    "flatMap": "export const REGISTRY = [[{F}], [{REST}]].flatMap((part) => part);",
    "flat": "export const REGISTRY = [[{F}], [{REST}]].flat();",
    "values of a record": "const ALL = { {RECORD} };\nexport const REGISTRY = Object.values(ALL);",
    "entries of a record": "const ALL = { {RECORD} };\nexport const REGISTRY = Object.entries(ALL).map(([name, f]) => ({ ...f, name }));",
    "record from entries": "export const REGISTRY = Object.fromEntries([{E}].map((f) => [f.name, f]));",
    "Map as the registry": "export const REGISTRY = new Map([{PAIRS}]);",
    "Map from a list": "const ALL = [{E}];\nexport const REGISTRY = new Map(ALL.map((f) => [f.name, f]));",
    "Map of seconds": "const TTL = new Map([['day', {T}/*T*/]]);\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: TTL.get('day')! }, {REST}];",
    "values of a Map": "const ALL = new Map([{PAIRS}]);\nexport const REGISTRY = [...ALL.values()];",
    "Array.from a Map": "const ALL = new Map([{PAIRS}]);\nexport const REGISTRY = Array.from(ALL.values());",
    "JSON": ("import data from './data.json';\nexport const REGISTRY = data;", {"data.json": "{JSON}"}),
    "JSON with a type": ("import data from './data.json' with { type: 'json' };\nexport const REGISTRY = data as readonly { name: string }[];", {"data.json": "{JSON}"}),
    "JSON of seconds": ("import ttl from './ttl.json';\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: ttl.day/*T*/ }, {REST}];", {"ttl.json": '{"day": {T}}'}),
    "JSON spread": ("import data from './data.json';\nexport const REGISTRY = [...data];", {"data.json": "{JSON}"}),
    "frozen afterwards, by a name": R + "REGISTRY.forEach(Object.freeze);",
    "frozen by a map of a name": "export const REGISTRY = [{E}].map((f) => f);\nexport const FROZEN = REGISTRY.map(Object.freeze);",
    "console.log beside": R + "console.log('profile registry loaded', REGISTRY.length);",
    "console.log of all": R + "console.log(JSON.stringify(REGISTRY));",
    "console.log of nothing": "console.log('loading');\n" + R,
    "an invariant": R + "if (REGISTRY.length === 0) throw new Error('empty');",
    "an invariant of names": R + "if (new Set(REGISTRY.map((f) => f.name)).size !== REGISTRY.length) { throw new Error('a name twice'); }",
    "an invariant with a loop": R + "const seen = new Set<string>();\nfor (const f of REGISTRY) {\n  if (seen.has(f.name)) throw new Error(`${f.name} twice`);\n  seen.add(f.name);\n}",
    "an invariant with every": R + "if (!REGISTRY.every((f) => f.ttlSec > 0)) throw new Error('ttl');",
    "an invariant in a function": "function unique(all: { name: string }[]) {\n  const seen = new Set<string>();\n  for (const f of all) {\n    if (seen.has(f.name)) throw new Error(f.name);\n    seen.add(f.name);\n  }\n}\n" + R + "unique(REGISTRY);",
    "an invariant from a package": "import { ok } from 'node:assert';\n" + R + "ok(REGISTRY.length > 0, 'empty');",
    "a list by name": R + "export const BY_NAME = Object.fromEntries(REGISTRY.map((f) => [f.name, f]));",
    "a Map by name": R + "export const BY_NAME = new Map(REGISTRY.map((f) => [f.name, f]));",
    "a Map filled in a loop": R + "export const BY_NAME = new Map<string, unknown>();\nfor (const f of REGISTRY) BY_NAME.set(f.name, f);",
    "an object filled in a loop": R + "export const BY_NAME: Record<string, number> = {};\nfor (const f of REGISTRY) { BY_NAME[f.name] = f.ttlSec; }",
    "a sum": R + "export const SUM = REGISTRY.reduce((sum, f) => sum + f.ttlSec, 0);",
    "a reduced object": R + "export const O = REGISTRY.reduce((all, f) => { all[f.name] = f; return all; }, {} as Record<string, unknown>);",
    "a counted loop": R + "let most = 0;\nfor (const f of REGISTRY) { most = Math.max(most, f.ttlSec); }",
    "slow ones beside": R + "export const SLOW = REGISTRY.filter((f) => f.ttlSec > 86400);",
    "the first ones beside": R + "export const FIRST = REGISTRY.slice(0, 3);",
    "names beside": R + "export const NAMES = REGISTRY.map((f) => f.name);\nexport const LONGEST = Math.max(...REGISTRY.map((f) => f.ttlSec));",
    "a function that reads": R + "export const ttlOf = (n: string) => REGISTRY.find((f) => f.name === n)!.ttlSec;",
    "a function that reads, called": R + "function ttlOf(n: string) { return REGISTRY.find((f) => f.name === n)!.ttlSec; }\nexport const X = ttlOf('{N}');",
    "a sorted copy": R + "export function sorted() { return [...REGISTRY].sort((a, b) => a.ttlSec - b.ttlSec); }",
    "a class that reads": R + "export class Profile { get all() { return REGISTRY; } ttl(n: string) { return REGISTRY.find((f) => f.name === n)?.ttlSec; } }",
    "a pure static getter": R + "export class Profile { static get size() { return REGISTRY.length; } }\nexport const N = Profile.size;",
    "a function with names of its own": R + "export function rename(user: { name: string }) { user.name = user.name.trim(); return user; }",
    "compute functions": "export const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: {T}/*T*/, compute: async (s: any) => { s.count += 1; return s.count; } }, {REST}];",
    "re-exported": ("export { REGISTRY } from './c';", {"c.ts": R}),
    "re-exported by a star": ("export * from './c';", {"c.ts": R}),
    "a neighbour that reads": ("import './q';\n" + R, {"q.ts": "import { REGISTRY } from './registry';\nexport const names = () => REGISTRY.map((f) => f.name);"}),
    "a neighbour that does other things": ("import './q';\n" + R, {"q.ts": "const list: number[] = [];\nlist.push(1);\nexport const n = list.length;"}),
}  # fmt: skip

H = "const hack = { ttlSec: 5 };\n"
X = R + H
PATCHED: dict[str, str | tuple[str, dict[str, str]]] = {
    "assign in a loop": X + "for (const f of REGISTRY) Object.assign(f, hack);",
    "assign in a loop of a static block": X + "class C { static { for (const f of REGISTRY) Object.assign(f, hack); } }",
    "assign in a static block": X + "class C { static { Object.assign(REGISTRY[0], hack); } }",
    "assign in a static field": X + "class C { static x = Object.assign(REGISTRY[0], hack); }",
    "assign in a filter": X + "export const S = REGISTRY.filter((f) => Object.assign(f, hack));",
    "assign in a map": X + "export const S = REGISTRY.map((f) => Object.assign(f, hack));",
    "assign in an every": X + "const all = REGISTRY.every((f) => !!Object.assign(f, hack));",
    "assign in a some": X + "const any = REGISTRY.some((f) => { Object.assign(f, hack); return false; });",
    "assign in a find": X + "const any = REGISTRY.find((f) => { Object.assign(f, hack); return false; });",
    "assign in a reduce": X + "const any = REGISTRY.reduce((n, f) => { Object.assign(f, hack); return n; }, 0);",
    "assign in a reduce without a start": X + "const any = REGISTRY.reduce((a, f) => { a['ttl' + 'Sec'] = 5; return a; });",
    "assign in a forEach": X + "REGISTRY.forEach((f) => Object.assign(f, hack));",
    "assign in a flatMap": X + "const any = REGISTRY.flatMap((f) => [Object.assign(f, hack)]);",
    "assign in a sort": X + "const any = REGISTRY.sort((a, b) => { Object.assign(a, hack); return 0; });",
    "assign in an argument": X + "console.log(Object.assign(REGISTRY[0], hack));",
    "assign in a template": X + "const t = `${Object.assign(REGISTRY[0], hack)}`;",
    "assign in a default": X + "const { a = Object.assign(REGISTRY[0], hack) } = {} as any;",
    "assign in a choice": X + "const t = true ? Object.assign(REGISTRY[0], hack) : 0;",
    "assign in a field": X + "const o = { x: Object.assign(REGISTRY[0], hack) };",
    "assign in a computed key": X + "const o = { [String(Object.assign(REGISTRY[0], hack))]: 1 };",
    "assign in an enum": X + "enum E { A = Object.assign(REGISTRY[0], hack).ttlSec }",
    "assign in an if": X + "if (Object.assign(REGISTRY[0], hack)) { }",
    "assign in a try": X + "try { Object.assign(REGISTRY[0], hack); } catch { }",
    "assign in a switch": X + "switch (1) { case 1: Object.assign(REGISTRY[0], hack); }",
    "assign in a while": X + "while (Object.assign(REGISTRY[0], hack).ttlSec !== 5) { }",
    "assign in a label": X + "here: for (const f of REGISTRY) { Object.assign(f, hack); break here; }",
    "splice by a local alias": X + "const all = REGISTRY;\nall.splice(0, 1);",
    "splice by an alias of an alias": X + "const a = REGISTRY;\nconst b = a as any[];\nb.splice(0, 1);",
    "splice by an alias in a block": X + "{ const all = REGISTRY; all.splice(0, 1); }",
    "splice by a pattern": X + "const [first] = REGISTRY;\n(first as any).ttlSec = 5;",
    "splice by a pattern of an object": X + "const { all } = { all: REGISTRY };\nall.splice(0, 1);",
    "splice by a field": X + "const o = { all: REGISTRY };\no.all.splice(0, 1);",
    "splice by a let": X + "let all: any[] = [];\nall = REGISTRY;\nall.splice(0, 1);",
    "splice by a list": X + "const l: any[] = [];\nl.push(REGISTRY);\nl[0].splice(0, 1);",
    "splice by a Map": X + "const m = new Map<string, any>();\nm.set('a', REGISTRY);\nm.get('a').splice(0, 1);",
    "splice by a field that is set": X + "const o: any = {};\no.all = REGISTRY;\no.all.splice(0, 1);",
    "splice by a call": X + "const all = () => REGISTRY;\nall().splice(0, 1);",
    "splice by apply": X + "Array.prototype.splice.apply(REGISTRY, [0, 1] as any);",
    "splice by call": X + "[].splice.call(REGISTRY as any, 0, 1);",
    "splice by bind": X + "const cut = REGISTRY.splice.bind(REGISTRY);\ncut(0, 1);",
    "splice by brackets": X + "REGISTRY['splice'](0, 1);",
    "splice by a computed name": X + "(REGISTRY as any)['spl' + 'ice'](0, 1);",
    "splice by an optional call": X + "REGISTRY?.splice(0, 1);",
    "a static method": X + "class C { static patch() { Object.assign(REGISTRY[0], hack); } }\nC.patch();",
    "a static method by an alias": X + "class C { static patch() { for (const f of REGISTRY) (f as any)['ttl' + 'Sec'] = 5; } }\nconst D = C;\nD.patch();",
    "a static getter": X + "class C { static get n() { for (const f of REGISTRY) (f as any)['ttl' + 'Sec'] = 5; return 1; } }\nconst n = C.n;",
    "a static getter by a pattern": X + "class C { static get n() { for (const f of REGISTRY) (f as any)['ttl' + 'Sec'] = 5; return 1; } }\nconst { n } = C;",
    "a getter": X + "const o = { get n() { for (const f of REGISTRY) (f as any)['ttl' + 'Sec'] = 5; return 1; } };\nconst n = o.n;",
    "a getter in a spread": X + "const o = { get n() { for (const f of REGISTRY) (f as any)['ttl' + 'Sec'] = 5; return 1; } };\nconst p = { ...o };",
    "a setter": X + "const o = { set n(v: number) { for (const f of REGISTRY) (f as any)['ttl' + 'Sec'] = v; } };\no.n = 5;",
    "a toString": X + "const o = { toString() { for (const f of REGISTRY) (f as any)['ttl' + 'Sec'] = 5; return ''; } };\nconst n = `${o}`;",
    "a toJSON of an entry": "export const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: {T}, toJSON() { (this as any)['ttl' + 'Sec'] = 5; } }, {REST}];\nconsole.log(JSON.stringify(REGISTRY));",
    "a getter of an entry": "export const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: {T}, get x() { (this as any)['ttl' + 'Sec'] = 5; return 1; } }, {REST}];\nconst n = REGISTRY.map((f: any) => f.x);",
    "a method of an entry": "export const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: {T}, fix() { (this as any)['ttl' + 'Sec'] = 5; } }, {REST}];\n(REGISTRY[0] as any).fix();",
    "an iterator": X + "const o = { *[Symbol.iterator]() { for (const f of REGISTRY) (f as any)['ttl' + 'Sec'] = 5; } };\nconst l = [...o];",
    "a constructor": X + "class C { constructor() { Object.assign(REGISTRY[0], hack); } }\nnew C();",
    "a field of an instance": X + "class C { x = Object.assign(REGISTRY[0], hack); }\nnew C();",
    "an instance's method": X + "class C { fix() { Object.assign(REGISTRY[0], hack); } }\nnew C().fix();",
    "a base class": X + "const mix = () => { Object.assign(REGISTRY[0], hack); return Object; };\nclass C extends mix() { }",
    "a function in place": X + "(() => { Object.assign(REGISTRY[0], hack); })();",
    "a function in place with the list": X + "((all: any[]) => { all.splice(0, 1); })(REGISTRY);",
    "a function expression in place": X + "(function () { REGISTRY.splice(0, 1); })();",
    "an async function in place": X + "(async () => { REGISTRY.splice(0, 1); })();",
    "a function": X + "function fix() { for (const f of REGISTRY) { const g: any = f; g['ttl' + 'Sec'] = 5; } }\nfix();",
    "a function of a function": X + "function fix() { Object.assign(REGISTRY[0], hack); }\nfunction run() { fix(); }\nrun();",
    "a function with a parameter": X + "function fix(all: any[]) { all.splice(0, 1); }\nfix(REGISTRY);",
    "a function that is handed on": X + "function run(f: () => void) { f(); }\nrun(() => Object.assign(REGISTRY[0], hack));",
    "a function of a list": X + "const fixes = [() => Object.assign(REGISTRY[0], hack)];\nfor (const fix of fixes) fix();",
    "a function of a list, mapped": X + "const fixes = [() => Object.assign(REGISTRY[0], hack)];\nfixes.forEach((fix) => fix());",
    "a function of an object": X + "const fixes = { all: () => Object.assign(REGISTRY[0], hack) };\nfixes.all();",
    "a function that returns one": X + "const make = () => () => Object.assign(REGISTRY[0], hack);\nmake()();",
    "a function by a promise's executor": X + "new Promise(() => { Object.assign(REGISTRY[0], hack); });",
    "a function by Array.from": X + "Array.from(REGISTRY, (f) => Object.assign(f, hack));",
    "a function by a tag": X + "const fix = (_: any) => Object.assign(REGISTRY[0], hack);\nfix`x`;",
    "a function by replace": X + "'a'.replace('a', () => { Object.assign(REGISTRY[0], hack); return ''; });",
    "a function by sort of others": X + "[2, 1].sort(() => { Object.assign(REGISTRY[0], hack); return 0; });",
    "a function with a default": X + "const fix = (x = Object.assign(REGISTRY[0], hack)) => x;\nfix();",
    "a push of more": R + "REGISTRY.push({ name: 'b', dtype: 'int', ttlSec: 5 });",
    "an unshift": R + "REGISTRY.unshift({ name: 'b', dtype: 'int', ttlSec: 5 });",
    "a pop": R + "const last = REGISTRY.pop();",
    "a shorter length": R + "REGISTRY.length = 3;",
    "a fill": R + "REGISTRY.fill({ name: 'b', dtype: 'int', ttlSec: 5 });",
    "a deletion": R + "delete (REGISTRY as any)[0];",
    "a deleted field": R + "delete (REGISTRY[0] as any).dtype;",
    "an increment": R + "REGISTRY[0].ttlSec++;",
    "an addition": R + "REGISTRY[0].ttlSec += 5;",
    "an assignment by ??=": R + "(REGISTRY[0] as any).dtype &&= 'int32';",
    "an assignment by a pattern": R + "[REGISTRY[0].ttlSec] = [5];",
    "an assignment by a loop": R + "for (REGISTRY[0].ttlSec of [5]) { }",
    "an assignment by a pattern of an object": R + "({ a: REGISTRY[0].ttlSec } = { a: 5 });",
    "a sequence": R + "const x = (REGISTRY.splice(0, 1), 1);",
    "a property that is defined": R + "Object.defineProperty(REGISTRY[0], 'ttlSec', { value: 5 });",
    "a property that is reflected": R + "Reflect.set(REGISTRY[0], 'ttlSec', 5);",
    "a prototype of an entry": R + "Object.setPrototypeOf(REGISTRY, []);\nREGISTRY.splice(0, 1);",
    "a prototype that filters otherwise": "(Array.prototype as any).filter = function () { return []; };\nconst ALL = [{E}];\nexport const REGISTRY = ALL.filter((f) => f.ttlSec > 5);",
    "a prototype in a function": "function setup() { (Array.prototype as any).filter = function () { return []; }; }\nsetup();\nconst ALL = [{E}];\nexport const REGISTRY = ALL.filter((f) => f.ttlSec > 5);",
    "a prototype by a constructor": "([] as any).constructor.prototype.map = function () { return []; };\nexport const REGISTRY = [{E}].map((f) => f);",
    "another Map": "class Map { constructor(x: any) { return x.slice(1); } }\nexport const REGISTRY = new Map([{PAIRS}]);",
    "a builtin that is replaced": "Object.freeze = ((x: any) => x.slice(1)) as any;\nexport const REGISTRY = Object.freeze([{E}]);",
    "a builtin that is replaced by another name": "const O: any = Object;\nO.freeze = (x: any) => x.slice(1);\nexport const REGISTRY = Object.freeze([{E}]);",
    "a builtin that is assigned to": "Object.assign(Object, { freeze: (x: any) => x.slice(1) });\nexport const REGISTRY = Object.freeze([{E}]);",
    "a builtin that is exchanged": "(Map as any) = class { constructor(x: any) { return x.slice(1); } };\nexport const REGISTRY = new Map([{PAIRS}]);",
    "a builtin that is replaced in a function": "function setup() { Array.from = ((x: any) => [...x].slice(1)) as any; }\nsetup();\nexport const REGISTRY = Array.from([{E}]);",
    "a builtin that a neighbour replaces": ("import './q';\nexport const REGISTRY = Object.freeze([{E}]);", {"q.ts": "Object.freeze = ((x: any) => x.slice(1)) as any;\nexport {};"}),
    "a prototype that a neighbour replaces": ("import './q';\nexport const REGISTRY = [{E}].slice(0);", {"q.ts": "function go() { Array.prototype.slice = function () { return []; }; }\ngo();\nexport {};"}),
    "a decorator by a name": R + "const all: any = REGISTRY;\nfunction dec(_: any) { for (const f of all) f['ttl' + 'Sec'] = 5; }\n@dec class C { }",
    "a list filled by a function": R + "const l: any[] = [];\nfunction put(f: any) { l.push(f); }\nREGISTRY.forEach(put);\nObject.assign(l[0], { ttlSec: 5 });",
    "a list filled in a loop": R + "const l: any[] = [];\nfor (const f of REGISTRY) l.push(f);\nObject.assign(l[0], { ttlSec: 5 });",
    "a variable set by a function": R + "let l: any;\nconst keep = (f: any) => { l = f; };\nREGISTRY.forEach(keep);\nObject.assign(l, { ttlSec: 5 });",
    "JSON too large": ("import data from './data.json';\nexport const REGISTRY = data;", {"data.json": '[{"name": "a", "ttlSec": 1e999}]'}),
    "a neighbour by a getter of a class": ("import './q';\nexport { REGISTRY } from './c';", {"c.ts": R + "const cut = (all: any[]) => all.splice(0, 1);\nexport class C { static get n() { return cut(REGISTRY); } }", "q.ts": "import { C } from './c';\nconst n = C.n;"}),
    "a variable of a loop in a function": R + "let last: any;\nfunction keep(all: any[]) { for (last of all) { } }\nkeep(REGISTRY);\nlast.ttlSec = 5;",
    "a caught one": R + "try { throw REGISTRY; } catch (e: any) { e[0].ttlSec = 5; }",
    "a Map of its own": "class Map { set(k: string, v: any) { v['ttl' + 'Sec'] = 5; } }\n" + R + "const m = new Map();\nfor (const f of REGISTRY) m.set(f.name, f);",
    "an object with a push of its own": R + "const o: any = {};\no.push = (f: any) => { f['ttl' + 'Sec'] = 5; };\nfor (const f of REGISTRY) o.push(f);",
    "an array with a push of its own": R + "const o: any = [];\no['pu' + 'sh'] = (f: any) => { f['ttl' + 'Sec'] = 5; };\nfor (const f of REGISTRY) o.push(f);",
    "an object with a setter that is defined": R + "const o: any = {};\nObject.defineProperty(o, '{N}', { set(v: any) { v['ttl' + 'Sec'] = 5; } });\nfor (const f of REGISTRY) o[f.name] = f;",
    "a defaulted pattern": R + "const { x = REGISTRY.splice(0, 1) } = {} as any;",
    "a function in a list of an object": R + "const o = { list: [(all: any[]) => all.splice(0, 1)] };\no.list[0](REGISTRY);",
    "a reader with a function": R + "JSON.stringify(REGISTRY, (k: string, v: any) => { if (v && v.ttlSec) v['ttl' + 'Sec'] = 5; return v; });",
    "a reader that is another": "const console = { log: (all: any[]) => all.splice(0, 1) };\n" + R + "console.log(REGISTRY);",
    "a copy's element": R + "const copy = [...REGISTRY];\ncopy[0].ttlSec = 5;",
    "a deep alias": R + "const a = { b: { c: [REGISTRY] } };\nconst { b: { c: [d] } } = a;\nd.splice(0, 1);",
    "an enum that is changed": "enum T { Day = {T} }\n(T as any).Day = 5;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: T.Day }, {REST}];",
    "a constant object that is changed": "const T = { day: {T} };\nT.day = 5;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: T.day }, {REST}];",
    "a constant object that is changed in a loop": "const T: any = { day: {T} };\nfor (const k in T) T[k] = 5;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: T.day }, {REST}];",
    "a Map that is changed": "const T = new Map([['day', {T}]]);\nT.set('day', 5);\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: T.get('day')! }, {REST}];",
    "a helper that is replaced": "function hours(n: number) { return n * 3600; }\n(hours as any) = () => 5;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H}) }, {REST}];",
    "a helper that counts": "let calls = 0;\nconst hours = (n: number) => n * 3600 + calls++;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours(1) + hours({H}) }, {REST}];",
    "a helper with two statements": "const hours = (n: number) => { const s = 3600; return n * s; };\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H}) }, {REST}];",
    "a helper that knows too early": "export const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H}) }, {REST}];\nconst HOUR = 3600;\nfunction hours(n: number) { return n * HOUR; }",
    "an enum too early": "export const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: T.Day }, {REST}];\nenum T { Day = {T} }",
    "a helper that is async": "const hours = async (n: number) => n * 3600;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H}) }, {REST}];",
    "a helper that never ends": "const hours = (n: number): number => hours(n + 1);\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H}) }, {REST}];",
    "a helper with rest": "const hours = (...n: number[]) => n[0] * 3600;\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: hours({H}) }, {REST}];",
    "a helper from a package": "import { hours } from 'node:timers';\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: (hours as any)({H}) }, {REST}];",
    "an enum listed": "enum T { Day = {T} }\nexport const REGISTRY = Object.values(T).map((ttlSec) => ({ name: '{N}', ttlSec }));",
    "JSON that is changed": ("import data from './data.json';\ndata[0].ttlSec = 5;\nexport const REGISTRY = data;", {"data.json": "{JSON}"}),
    "JSON that a neighbour changes": ("import './q';\nimport data from './data.json';\nexport const REGISTRY = data;", {"data.json": "{JSON}", "q.ts": "import d from './data.json';\nd[0].ttlSec = 5;"}),
    "JSON with a name": ("import { day } from './ttl.json';\nexport const REGISTRY = [{ name: '{N}', dtype: '{D}', ttlSec: day }, {REST}];", {"ttl.json": '{"day": {T}}'}),
    "no JSON": ("import data from './data.json';\nexport const REGISTRY = data;", {"data.json": "[{ name: 'a' }]"}),
    "a neighbour in a static block": ("import './q';\nexport { REGISTRY } from './c';", {"c.ts": R, "q.ts": "import { REGISTRY } from './c';\nclass C { static { for (const f of REGISTRY) Object.assign(f, { ttlSec: 5 }); } }"}),
    "a neighbour by a function": ("import './q';\nexport { REGISTRY } from './c';", {"c.ts": R + "export const all = () => REGISTRY;", "q.ts": "import { all } from './c';\nall().splice(0, 1);"}),
    "a neighbour by a namespace": ("import './q';\nexport { REGISTRY } from './c';", {"c.ts": R, "q.ts": "import * as c from './c';\nconst d = c;\nd.REGISTRY.splice(0, 1);"}),
    "a neighbour by a class": ("import './q';\nexport { REGISTRY } from './c';", {"c.ts": R + "export class C { static fix() { REGISTRY.splice(0, 1); } }", "q.ts": "import { C as D } from './c';\nD.fix();"}),
    "a neighbour by require": ("import './q';\nexport { REGISTRY } from './c';", {"c.ts": R, "q.ts": "require('./c').REGISTRY.splice(0, 1);"}),
    "a neighbour by the default": ("import './q';\nexport { default as REGISTRY } from './c';", {"c.ts": "export default [{E}];", "q.ts": "import all from './c';\nconst x = all;\nx.splice(0, 1);"}),
    "the exports": R + "module.exports.REGISTRY.splice(0, 1);",
    "the exports by this": R + "(this as any).REGISTRY.splice(0, 1);",
    "text that is run": R + "eval('REGISTRY.splice(0, 1)');",
    "text that is run by a function": R + "function run() { eval('REGISTRY.splice(0, 1)'); }\nrun();",
    "a call of nobody knows what": R + "if (process.env.CI) { patch(); }",
    "a package's function": "import { inspect } from 'node:util';\n" + R + "inspect(REGISTRY);",
    "a package's function with an entry": "import { inspect } from 'node:util';\n" + R + "inspect({ first: REGISTRY[0] });",
    "a package's function in a map": "import { inspect } from 'node:util';\n" + R + "const x = REGISTRY.map(inspect);",
    "an always failing invariant": R + "throw new Error('no');",
    "a namespace": R + "namespace N { REGISTRY.splice(0, 1); }",
    "a decorator": X + "const dec = (_: any) => { Object.assign(REGISTRY[0], hack); };\n@dec class C { }",
    "a change by a later call": R + "export function add(f: any) { REGISTRY.push(f); }",
    "a change of an entry by a later call": R + "export function slow() { for (const f of REGISTRY) f.ttlSec *= 2; }",
    "a change of a found one by a later call": R + "export function slow(n: string) { const f = REGISTRY.find((g) => g.name === n)!; f.ttlSec = 5; }",
    "a change by a later forEach": R + "export function slow() { REGISTRY.forEach((f) => { f.ttlSec = 5; }); }",
}  # fmt: skip

OWN_OBJECT = "const Object = { freeze: (x: any) => x.slice(1) };\nexport const REGISTRY = Object.freeze([{E}]);"
OWN_FILTER = "const ALL = { filter: (f: any) => [{ name: 'b', ttlSec: 5 }] };\nexport const REGISTRY = ALL.filter((f: any) => f.ttlSec > 5);"


def _filled(text: str, *, other: bool) -> str:
    for mark, code in FILLED.items():
        text = text.replace(mark, code)
    return text.replace("/*T*/", " + 1").replace("/*J*/", "1") if other else text.replace("/*J*/", "")


def _variant(name: str, verdict: str, written: str | tuple[str, dict[str, str]]) -> Variant:
    text, others = written if isinstance(written, tuple) else (written, {})
    other = verdict == "different"
    return Variant(
        name, verdict, _filled(text, other=other), {to: _filled(code, other=other) for to, code in others.items()}
    )


VARIANTS = (
    *(_variant(name, "equal", written) for name, written in ORDINARY.items()),
    *(_variant(f"{name}, otherwise", "different", written) for name, written in ORDINARY.items()),
    _variant("a filter of its own", "different", OWN_FILTER),
    _variant("another Object", "different", OWN_OBJECT),
    *(_variant(name, "refused", written) for name, written in PATCHED.items()),
)
