"""What a registry is called, in many ways to write one, against what Node computes: "equal" is never wrong."""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from oo_features.contract import contract_digest, profile_promises
from oo_features.registry_ts.contract_comparison import differences, digest
from oo_features.registry_ts.registry_entries import entries
from oo_features.registry_ts.source_file import NotConstant
from registry_patches import COMPOSITIONS, RUNS, WAYS, composed
from registry_programs import program
from registry_variants import EXPORT, VARIANTS
from typescript import install

pytestmark = pytest.mark.long

DRIVER = Path(__file__).parent / "registry_variants.cjs"
OURS = {name: (ttl, dtype) for name, ttl, dtype in profile_promises()}


def written(folder, variant):
    """The files of a variant in a folder of their own."""
    folder.mkdir(parents=True)
    for name, code in {"registry.ts": variant.text, **variant.others}.items():
        (folder / name).write_text(code)
    return folder / "registry.ts"


def verdict(path):
    try:
        registry = entries(path)
    except NotConstant:
        return "refused"
    assert registry.export == EXPORT
    equal = not differences(registry)
    assert equal == (digest(registry) == contract_digest(profile_promises()))
    return "equal" if equal else "different"


def test_there_are_enough_of_each():
    counted = Counter(variant.verdict for variant in VARIANTS)

    assert sum(counted.values()) >= 150
    assert min(counted.values()) >= 60
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_variant_is_called_what_it_is(tmp_path, variant):
    assert verdict(written(tmp_path / "v", variant)) == variant.verdict


def test_whatever_is_composed_to_change_it_is_refused(tmp_path):
    """A seeded sample of all ways to get at it, to change an entry, and to run that."""
    assert len(COMPOSITIONS) > 50_000
    path = tmp_path / "registry.ts"
    called = {}
    for way, change, run in COMPOSITIONS[:600]:
        path.write_text(composed(way, change, run))
        called[way, change, run] = verdict(path)

    assert {parts for parts, word in called.items() if word != "refused"} == set()


def test_what_composes_them_is_no_reason_to_refuse(tmp_path):
    """The same with a statement that only reads, for each way and each place to run it: most are evaluated."""
    path = tmp_path / "registry.ts"
    called = Counter()
    for way, run in [(way, RUNS[0]) for way in WAYS] + [("REGISTRY", run) for run in RUNS]:
        path.write_text(composed(way, "console.log({L}.length);", run))
        called[verdict(path)] += 1

    assert called["different"] == 0
    assert called["equal"] >= 55, called


def computed(tmp_path, folders):
    """What Node makes of each folder's registry."""
    client = install(tmp_path)
    (tmp_path / "folders.json").write_text(json.dumps([str(folder) for folder in folders]))
    words = ["node", DRIVER, client.folder / "node_modules" / "typescript", tmp_path / "folders.json", EXPORT]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_it_is_called_what_node_computes(tmp_path):
    """Whatever is called equal is equal in Node, and what is called different is not."""
    folders = [written(tmp_path / f"v{place:03}", variant).parent for place, variant in enumerate(VARIANTS)]

    values = computed(tmp_path, folders)

    called = {variant.name: (variant.verdict, equals(value)) for variant, value in zip(VARIANTS, values, strict=True)}
    assert not {name: both for name, both in called.items() if both in {("equal", False), ("different", True)}}
    harmful = sum(1 for word, equal in called.values() if word == "refused" and not equal)
    assert harmful >= 100, "most of what is refused does change the registry while it loads"


def test_random_programs_come_to_what_node_computes(tmp_path):
    draw = random.Random(21)
    texts = [program(draw) for _ in range(150)]
    folders = [tmp_path / f"p{place:03}" for place in range(len(texts))]
    read = []
    for folder, text in zip(folders, texts, strict=True):
        folder.mkdir()
        (folder / "registry.ts").write_text(text)
        read.append(seconds(folder / "registry.ts"))

    values = computed(tmp_path, folders)

    evaluated = [(mine, theirs) for mine, theirs in zip(read, values, strict=True) if mine is not None]
    assert len(evaluated) >= 75
    assert [theirs for mine, theirs in evaluated if {entry["name"]: entry["ttlSec"] for entry in theirs} != mine] == []


def seconds(path):
    try:
        return {entry.name: entry.ttl_sec for entry in entries(path).entries}
    except NotConstant:
        return None


def equals(value):
    """Whether Node's entries are those of our mirror; a module that cannot be loaded has none."""
    if not isinstance(value, list) or len({entry.get("name") for entry in value}) != len(value):
        return False
    theirs = {entry.get("name"): (entry.get("ttlSec"), entry.get("dtype")) for entry in value}
    return theirs.keys() == OURS.keys() and all(same(theirs[name], OURS[name]) for name in OURS)


def same(theirs, ours):
    words = {"int": {"int", "number"}, "float32": {"float", "number"}}[ours[1]]
    return theirs[0] == ours[0] and theirs[1] in words
