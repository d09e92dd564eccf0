"""Statements that change a registry, composed of a way to get at it, a way to change an entry and a way to run that."""

# ruff: noqa: E501  # one way a line
from __future__ import annotations

import random

from oo_features.contract import profile_promises

__all__ = ["COMPOSITIONS", "RUNS", "WAYS", "composed"]

WORDS = {"float32": "float", "int": "int"}
ENTRIES = ", ".join(
    f"{{ name: '{name}', dtype: '{WORDS[dtype]}', ttlSec: {ttl} }}" for name, ttl, dtype in profile_promises()
)
BEFORE = f"""export const REGISTRY: any = [{ENTRIES}];
const hack: any = {{ ttlSec: 5 }};
const key = ['ttl', 'Sec'].join('');
"""
HELPERS = """const fix = (f: any, ...more: any[]) => { (more.length ? more[0] : f)[key] = 5; };
class Fix { constructor(f: any) { f[key] = 5; } }
const fixes = { one(f: any) { f[key] = 5; } };
"""
# An expression for the list, or for a list of the same entries, and what it needs.
WAYS = {
    "REGISTRY": "", "all": "const all = REGISTRY;", "o.all": "const o = { all: REGISTRY };", "o.set": "const o: any = {};\no.set = REGISTRY;",
    "get()": "const get = () => REGISTRY;", "got()": "function got() { return REGISTRY; }", "[REGISTRY][0]": "", "m.get('r')": "const m = new Map<string, any>([['r', REGISTRY]]);",
    "C.all": "class C { static all = REGISTRY; }", "D.all": "class D { static get all() { return REGISTRY; } }", "REGISTRY.concat([])": "", "REGISTRY.filter(Boolean)": "",
    "(Object.values(REGISTRY) as any)": "", "Array.from(REGISTRY as any[])": "", "[...REGISTRY]": "", "REGISTRY.slice()": "", "REGISTRY.map((f: any) => f)": "",
    "copy": "const copy = [...REGISTRY];", "later": "let later: any = null;\nlater = REGISTRY;", "box[0]": "const box: any[] = [];\nbox.push(REGISTRY);", "(true ? REGISTRY : [])": "",
    "Object.freeze(REGISTRY)": "", "by": "const by: any[] = [];\nfor (const f of REGISTRY) by.push(f);", "at": "const at: any = {};\nREGISTRY.forEach((f: any, i: number) => { at[i] = f; });",
    "sum": "const sum = REGISTRY.reduce((a: any, f: any) => { a.push(f); return a; }, []);", "part": "const { x: part } = { x: REGISTRY };", "first": "const [first] = [REGISTRY];",
    "rest": "const [...rest] = REGISTRY;", "(void 0, REGISTRY)": "", "made.all": "class I { all = REGISTRY; }\nconst made = new I();", "id(REGISTRY)": "const id = (x: any) => x;",
    "old": "var old = REGISTRY;", "kept": "const kept: any[] = [];\nfunction put(f: any) { kept.push(f); }\nREGISTRY.forEach(put);", "[last]": "let last: any;\nconst keep = (f: any) => { last = f; };\nREGISTRY.forEach(keep);",
    "box.x": "const box: any = {};\nfunction load(x: any) { box.x = x; }\nload(REGISTRY);", "[...vals.values()]": "const vals = new Map(REGISTRY.map((f: any) => [f.name, f]));", "[...seen]": "const seen = new Set<any>();\nfor (const f of REGISTRY) seen.add(f);",
    "each[0]": "let each: any;\nfor (each of [REGISTRY, REGISTRY]) { }\neach = [each];", "q.q": "let q: any = {};\n({ q: q.q } = { q: REGISTRY });", "shut()": "const shut = ((x: any) => () => x)(REGISTRY);",
}  # fmt: skip
CHANGES = [
    "Object.assign({L}[0], {{ ttlSec: 5 }});", "({L}[0] as any)['ttl' + 'Sec'] = 5;", "({L}[0] as any)[key] = 5;", "{L}[0].ttlSec = 5;", "for (const f of {L}) Object.assign(f, hack);",
    "for (const i in {L}) ({L} as any)[i][key] = 5;", "{L}.forEach((f: any) => {{ f[key] = 5; }});", "{L}.map(fix);", "[...{L}].every((f: any) => !!Object.assign(f, hack));", "const [one] = {L} as any; one[key] = 5;",
    "const {{ 0: zero }} = {L} as any; zero[key] = 5;", "Object.entries({L} as any).forEach(([, v]: any) => {{ v[key] = 5; }});", "{L}.at(0).ttlSec = 5;", "{L}.reduce((a: any, f: any) => {{ f[key] = 5; return a; }}, {{}});",
    "fix({L}[0]);", "{L}[0] && fix({L}[0]);", "({L}[0] as any).ttlSec++;", "delete ({L}[0] as any)[key];", "[({L}[0] as any)[key]] = [5];", "({{ a: ({L}[0] as any)[key] }} = {{ a: 5 }});",
    "Object.defineProperty({L}[0], key, {{ value: 5 }});", "new Fix({L}[0]);", "fixes.one({L}[0]);", "fix.call(null, {L}[0]);", "fix`${{{L}[0]}}`;", "(({L}) as any)[0][`ttl${{'Sec'}}`] = 5;", "let w: any; w = {L}[0]; w[key] = 5;", "{L}.find((f: any) => true)[key] = 5;",
]  # fmt: skip
RUNS = [
    "{S}", "if (1) {{ {S} }}", "{{ {S} }}", "for (const i of [1]) {{ {S} }}", "try {{ {S} }} finally {{ }}", "class K {{ static {{ {S} }} }}", "(() => {{ {S} }})();", "(function () {{ {S} }})();", "function run() {{ {S} }}\nrun();",
    "const run = () => {{ {S} }};\nconst x = run();", "class K {{ static run() {{ {S} }} }}\nK.run();", "const k = {{ run() {{ {S} }} }};\nk.run();", "const k = {{ get run() {{ {S} return 1; }} }};\nconst x = k.run;", "class K {{ constructor() {{ {S} }} }}\nnew K();",
    "[1].forEach(() => {{ {S} }});", "[1].map(function () {{ {S} }});", "const later2 = [() => {{ {S} }}];\nlater2[0]();", "export const x = [1].filter(() => {{ {S} return true; }});", "switch (1) {{ default: {S} }}", "export default (() => {{ {S} }})();",
    "const x = ((f: () => void) => f())(() => {{ {S} }});", "lab: while (true) {{ {S} break lab; }}", "async function go() {{ {S} }}\ngo();", "function* gen() {{ {S} yield 1; }}\nconst g = [...gen()];", "const t = `${{{{ toString() {{ {S} return ''; }} }}}}`;", "const t = JSON.stringify({{ toJSON() {{ {S} }} }});",
    "new (class {{ constructor() {{ {S} }} }})();", "const x = 'a'.replace('a', () => {{ {S} return 'b'; }});", "const x = Array.from([1], () => {{ {S} }});", "new Map([[1, () => {{ {S} }}]]).forEach((f) => f());", "class K {{ static x = (() => {{ {S} }})(); }}", "class K {{ x = (() => {{ {S} }})(); }}\nconst kk = new K();",
    "const dd = (a = (() => {{ {S} }})()) => a;\ndd();", "const {{ z = (() => {{ {S} }})() }} = {{}} as any;", "export class Z {{ static go = () => {{ {S} }}; }}\nZ.go();", "const f1 = () => {{ {S} }};\nconst f2 = f1;\nf2();", "const f1 = () => {{ {S} }};\nfunction f3(g: any) {{ g(); }}\nf3(f1);", "do {{ {S} }} while (false);",
    "import {{ ok }} from 'node:assert';\nok((() => {{ {S} return true; }})());", "enum EE {{ A = (() => {{ {S} return 1; }})() }}", "const oo = {{ [String((() => {{ {S} }})())]: 1 }};", "if ((() => {{ {S} return false; }})()) throw new Error('x');", "class B {{ static {{ this.go(); }} static go() {{ {S} }} }}",
    "class P {{ go() {{ {S} }} }}\nclass Q extends P {{ }}\nnew Q().go();", "const gg = {{ a: {{ go: () => {{ {S} }} }} }};\ngg.a.go();", "const it = {{ [Symbol.iterator]: function* () {{ {S} }} }};\nfor (const i of it as any) {{ }}", "const th = {{ then(r: any) {{ {S} r(); }} }};\nPromise.resolve(th);",
]  # fmt: skip
COMPOSITIONS = [(way, change, run) for way in WAYS for change in CHANGES for run in RUNS]
random.Random(13).shuffle(COMPOSITIONS)


def composed(way: str, change: str, run: str) -> str:
    """The text of a registry that is changed while it loads."""
    statement = change.format(L=way)
    return f"{BEFORE}{HELPERS}{WAYS[way]}\n{run.format(S=statement)}\n"
