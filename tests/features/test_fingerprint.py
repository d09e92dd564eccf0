"""The digest of code: changed by code, not by how it is written down."""

from __future__ import annotations

import ast
import importlib
import linecache
import shutil
import subprocess
import sys
from pathlib import Path

import oo_features
import pytest
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import RANKER_V1
from oo_features.fingerprint import source_digest

CODE = '''
"""About it."""
LIMIT = 3

def double(x):
    """Twice."""
    return x * 2 if x < LIMIT else x
'''

ELSEWHERE = '''
from oo_features.feature import feature

@feature(group="context", source="clock", freshness="the call", fallback=0)
def some(moment):
    """Some number."""
    return {number}{number}
'''


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(CODE.replace("Twice.", "Two times."), id="a docstring"),
        pytest.param(CODE.replace('"""About it."""', ""), id="no docstring"),
        pytest.param(CODE + "\n# a remark\n", id="a comment"),
        pytest.param(CODE.replace("x * 2", "(x  *  2)"), id="formatting"),
        pytest.param(CODE.replace("\n\n", "\n\n\n\n"), id="blank lines"),
    ],
)
def test_what_does_nothing_changes_nothing(same):
    assert source_digest(same) == source_digest(CODE)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(CODE.replace("* 2", "* 3"), id="a number"),
        pytest.param(CODE.replace("LIMIT = 3", "LIMIT = 4"), id="a constant"),
        pytest.param(CODE.replace("<", "<="), id="an operator"),
        pytest.param(CODE.replace("LIMIT = 3", "LIMIT = 3.0"), id="a type"),
        pytest.param(CODE.replace("double", "twice"), id="a name"),
    ],
)
def test_what_does_something_changes_it(other):
    assert source_digest(other) != source_digest(CODE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f = {**a, 'x': b}", "f = {'x': a, **b}"),
        ("def f(*, a, b=1): ...", "def f(*, a=1, b): ..."),
        ("x = 1", "x = True"),
        ("def f(): return", "def f(): return None"),
        ("x = -1 % 3", "x = -(1 % 3)"),
        ("x = a if b else c", "x = c if b else a"),
        ("x = 'a' 'b'", "x = 'a', 'b'"),
    ],
)
def test_code_that_looks_alike_is_not_the_same(one, other):
    assert source_digest(one) != source_digest(other)


# The set's own fingerprint


@pytest.fixture
def copied(tmp_path):
    """The package in a folder of its own, and the reference that a process makes of it there."""
    package = tmp_path / "oo_features"
    shutil.copytree(Path(oo_features.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))

    def reference():
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom oo_features.feature_sets import RANKER_V1 as of\n"
        )
        code += f"assert sys.modules['oo_features'].__file__.startswith({str(tmp_path)!r})\nprint(of.ref)"
        done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return package, reference


def test_comments_and_formatting_of_every_module_leave_the_fingerprint(copied):
    package, reference = copied
    for path in package.glob("*.py"):
        path.write_text(f"# another remark\n{ast.unparse(ast.parse(path.read_text()))}\n# and one\n")

    assert reference() == RANKER_V1.ref


@pytest.mark.parametrize(
    ("module", "before", "after"),
    [
        ("context", "calls.hour", "calls.hour + 0"),
        ("context", "due_day < calls", "due_day <= calls"),
        ("candidate", "YEAR_OF_DAYS = 366.0", "YEAR_OF_DAYS = 365.0"),
        ("profile_schema", "> declaration.ttl", ">= declaration.ttl"),
        ("feature", "declaration.low <= value", "declaration.low < value"),
        ("feature_context", "now.astimezone(zone)", "now"),
    ],
)
def test_the_code_of_a_feature_is_in_the_fingerprint(copied, module, before, after):
    package, reference = copied
    path = package / f"{module}.py"
    text = path.read_text()
    assert before in text

    path.write_text(text.replace(before, after))

    assert reference() not in {RANKER_V1.ref, ""}


def test_a_feature_that_stands_elsewhere_brings_its_code(monkeypatch, tmp_path):
    """Two modules of one name and one declaration, whose code differs."""
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for number in (1, 2):
        (tmp_path / "elsewhere.py").write_text(ELSEWHERE.format(number=number))
        monkeypatch.delitem(sys.modules, "elsewhere", raising=False)
        importlib.invalidate_caches()
        linecache.clearcache()
        found.append(FeatureSet("x", (importlib.import_module("elsewhere").some,)).fingerprint)

    assert found[0] != found[1]
