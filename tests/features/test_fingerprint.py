"""The digest of code: changed by code, not by how it is written down."""

from __future__ import annotations

import pytest
from oo_features.fingerprint import source_digest

CODE = '''
"""About it."""
LIMIT = 3

def double(x):
    """Twice."""
    return x * 2 if x < LIMIT else x
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
