"""`make check` runs the tests that import what was changed, and no others."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = spec_from_file_location("affected_tests", ROOT / "scripts" / "affected_tests.py")
affected = module_from_spec(SPEC)
SPEC.loader.exec_module(affected)


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        (["features/oo_features/scaling.py"], ["tests/features/test_scaling.py"]),
        (["serving/oo_serving/pace.py"], ["tests/serving/test_pace.py", "tests/transformers/test_limits.py"]),
        (["tests/serving/test_pace.py"], ["tests/serving/test_pace.py"]),
        (["tests/support/real_transformer.py"], ["tests/transformers/test_process.py"]),
    ],
)
def test_what_imports_a_changed_module_is_affected(changed, tests):
    found = affected.affected_tests(changed, (ROOT / "tests").rglob("test_*.py"))

    assert set(tests) <= set(found)
    assert len(found) < 30


@pytest.mark.parametrize("changed", ["README.md", "tests/stack/test_score.py", "tests/cluster/test_kustomize.py"])
def test_what_nothing_imports_affects_nothing(changed):
    assert affected.affected_tests([changed], (ROOT / "tests").rglob("test_*.py")) == []


def test_every_import_of_a_source_is_known():
    source = "import a.b\nfrom c import d\nfrom e.f import g as h\ndef i():\n    import j\n"

    assert affected.imported_modules(source) == {"a.b", "c", "c.d", "e.f", "e.f.g", "j"}
