"""The examples in docstrings show what the code does today."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(path.parent for path in ROOT.glob("*/pyproject.toml"))
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(member).with_suffix("").parts)
    for member in MEMBERS
    for path in (member / f"oo_{member.name}").rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_are_true(module):
    failed, tried = doctest.testmod(import_module(module))

    assert tried
    assert not failed
