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


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(member: str) -> set[str]:
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    return {canonical(re.match(r"[A-Za-z0-9._-]+", item)[0]) for item in project["dependencies"]}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in plain | froms} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_declares_what_it_imports(member):
    roots = set().union(*(imported(path) for path in (ROOT / member / f"oo_{member}").rglob("*.py")))
    allowed = declared(member) | {f"oo-{canonical(member)}"}

    undeclared = {root for root in roots if not {canonical(owner) for owner in OWNERS.get(root, [root])} & allowed}

    assert undeclared == set()
