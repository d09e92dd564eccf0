"""One word, one thing: no class name stands in two members, no module is named by a participle or in two members."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml"))
# Of a member each: its entry point, its package, what it counts and what a deployment may say.
IN_EACH_MEMBER = {"__main__", "__init__", "metrics", "settings"}
IRREGULAR = {
    "told",
    "said",
    "held",
    "kept",
    "drawn",
    "redrawn",
    "known",
    "written",
    "rewritten",
    "made",
    "seen",
    "shown",
    "given",
}
NO_PARTICIPLES = {"seed", "feed", "speed", "embed", "need", "cuped"}


def modules():
    """(member, module) of each member's package; the tests are not among them."""
    for member in MEMBERS:
        for path in sorted((ROOT / member / f"oo_{member}").rglob("*.py")):
            yield member, path


def members_by_class():
    found = defaultdict(set)
    for member, path in modules():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(member)
    return found


def is_participle(name):
    """Whether the last word of the name is one, by its form: a served model is a model, what was played is nothing."""
    last = name.split("_")[-1]
    return last in IRREGULAR or (re.search(r"[a-z]{2}ed$", last) is not None and last not in NO_PARTICIPLES)


def test_there_are_members_to_look_at():
    assert {"contracts", "transformers", "predictors", "consumers", "pipelines"} <= set(MEMBERS)
    assert len(members_by_class()) > 200


def test_no_class_name_stands_in_two_members():
    assert {name: sorted(members) for name, members in members_by_class().items() if len(members) > 1} == {}


def test_no_module_name_stands_in_two_members():
    found = defaultdict(set)
    for member, path in modules():
        if "commands" not in path.parts:  # a command's file has the command's name
            found[path.stem].add(member)

    twice = {name: sorted(members) for name, members in found.items() if len(members) > 1}
    assert set(twice) <= IN_EACH_MEMBER, twice


def test_no_module_is_named_by_a_participle():
    assert [str(path.relative_to(ROOT)) for _, path in modules() if is_participle(path.stem)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("played", True), ("report_told", True), ("redrawn", True), ("seed", False), ("served_model", False)],
)
def test_a_participle_is_known_by_its_form(name, expected):
    assert is_participle(name) is expected


def test_a_wing_says_its_name_once():
    """It is `ope/log.py`, and not `ope_log.py` beside `ope`: a folder is the one way of putting files together."""
    folders = {path.parent.name for _, path in modules()}
    doubled = [
        str(path.relative_to(ROOT))
        for _, path in modules()
        if (path.parent / path.stem.split("_")[0]).is_dir() and path.stem.split("_")[0] in folders
    ]

    assert doubled == []
