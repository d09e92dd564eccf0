"""What holds for every member: typed, importable alone, quiet on import, and open about what is public."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml"))
MODULES = sorted(
    path for member in MEMBERS for path in (ROOT / member / f"oo_{member}").rglob("*.py") if path.name != "__init__.py"
)
SHADOWS = ("transformers", "prompts", "features", "experiments", "tests")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts[1:])


def test_every_member_is_in_the_workspace():
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]

    assert sorted(workspace) == MEMBERS


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_is_typed_and_locked(member):
    assert (ROOT / member / f"oo_{member}" / "py.typed").exists()
    assert (ROOT / "locks" / f"{member}.txt").exists()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_is_public(path):
    tree = ast.parse(path.read_text())

    names = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    assert "__all__" in names or path.name == "__main__.py"
    assert ast.get_docstring(tree)


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__main__.py"], ids=name_of)
def test_what_is_public_exists(path):
    source = path.read_text()
    module = importlib.import_module(name_of(path))

    exported = getattr(module, "__all__", [])

    assert all(hasattr(module, name) for name in exported), source[:80]


@pytest.mark.long
@pytest.mark.parametrize("member", MEMBERS)
def test_importing_a_member_prints_and_starts_nothing(member):
    modules = [
        name_of(path) for path in MODULES if path.parts[len(ROOT.parts)] == member and path.name != "__main__.py"
    ]
    code = f"import threading, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("name", SHADOWS)
def test_our_folders_do_not_pose_as_packages(name):
    code = f"import importlib.util as u; print(getattr(u.find_spec({name!r}), 'submodule_search_locations', None))"

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert str(ROOT / name) not in done.stdout
