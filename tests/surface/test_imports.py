"""A member imports only what its own pyproject.toml names."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml"))
OWNERS = packages_distributions()
ADAPTERS = {"feast_adapter", "registry_ts", "embedded"}  # of an extra: whoever imports one has asked for it


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(member: str, *, extras: bool) -> set[str]:
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    more = project.get("optional-dependencies", {}).values() if extras else ()
    names = [item for listed in (project["dependencies"], *more) for item in listed]
    return {canonical(re.match(r"[A-Za-z0-9._-]+", item)[0]) for item in names} | {f"oo-{canonical(member)}"}


def imported(nodes) -> set[str]:
    nodes = list(nodes)
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in plain | froms} - set(sys.stdlib_module_names)


def undeclared(roots: set[str], allowed: set[str]) -> set[str]:
    return {root for root in roots if not {canonical(owner) for owner in OWNERS.get(root, [root])} & allowed}


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_declares_what_it_imports(member):
    trees = [ast.parse(path.read_text()) for path in (ROOT / member / f"oo_{member}").rglob("*.py")]

    roots = set().union(*(imported(ast.walk(tree)) for tree in trees))

    assert undeclared(roots, declared(member, extras=True)) == set()


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_can_be_imported_without_its_extras(member):
    paths = (ROOT / member / f"oo_{member}").rglob("*.py")
    trees = [ast.parse(path.read_text()) for path in paths if not ADAPTERS & set(path.parts)]

    at_once = set().union(*(imported(tree.body) for tree in trees))

    assert undeclared(at_once, declared(member, extras=False)) == set()
