"""The README of each member says what it owns, what it must not know, where to begin and how to add one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml"))
PARTS = (r"\*\*Owns\*\* ", r"\*\*Must not know\*\* ", r"\*\*Start reading\b", r"\*\*(To add|Add) a")
FILE = re.compile(r"`([\w./-]+(?:\.(?:py|toml|md|json|yaml)|/))`")
MAX_LINES = 20
MADE_BY_A_STACK = "run/status.json"
PATTERN = re.compile(r"\bNAME\b")  # stands for a name


def readme(member: str) -> str:
    return (ROOT / member / "README.md").read_text()


def files(text: str) -> set[str]:
    """The paths that a text names: from the member's folder or its package, or from the root."""
    return {name for name in FILE.findall(text) if name != MADE_BY_A_STACK and not PATTERN.search(name)}


def exists(member: str, name: str) -> bool:
    folders = (ROOT / member, ROOT / member / f"oo_{member}", ROOT)
    return any((folder / name).exists() for folder in folders)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_has_a_short_readme_with_its_four_parts(member):
    text = readme(member)

    assert text.startswith(f"# {member}")
    assert [part for part in PARTS if not re.search(rf"^- {part}", text, re.MULTILINE)] == []
    assert len(text.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("member", MEMBERS)
def test_the_files_that_a_members_readme_names_exist(member):
    named = files(readme(member))

    assert named
    assert {name for name in named if not exists(member, name)} == set()


def test_a_path_that_is_nowhere_would_be_found():
    assert not exists("serving", "oo_serving/nowhere.py")
    assert files("`oo_serving/nowhere.py` and `nowhere/`, not `run` or `oo_cli/commands/NAME.py`") == {
        "oo_serving/nowhere.py",
        "nowhere/",
    }
