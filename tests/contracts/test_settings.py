"""A settings error is one line, which names every variable that is wrong and what was probably meant."""

from __future__ import annotations

import pytest
from oo_contracts.settings import Settings


class ExampleSettings(Settings):
    """Two variables."""

    prefix = "OO_EXAMPLE_"
    port: int = 8080
    budget_ms: float = 40.0


def refused(capsys, environ):
    with pytest.raises(SystemExit) as end:
        ExampleSettings.read_or_exit("oo_example", environ)
    return end.value.code, capsys.readouterr().err


def test_settings_that_are_right_are_read():
    assert ExampleSettings.read_or_exit("oo_example", {"OO_EXAMPLE_PORT": "9000", "HOME": "/"}).port == 9000


def test_a_misspelt_variable_is_refused_with_what_was_meant(capsys):
    said = "oo_example: OO_EXAMPLE_BUGDET is no variable of ours: did you mean OO_EXAMPLE_BUDGET_MS?\n"

    assert refused(capsys, {"OO_EXAMPLE_BUGDET": "1"}) == (2, said)


def test_all_that_is_wrong_is_one_line(capsys):
    code, said = refused(capsys, {"OO_EXAMPLE_PORT": "high", "OO_EXAMPLE_ZZ": "1"})

    assert (code, said.count("\n")) == (2, 1)
    assert "OO_EXAMPLE_PORT: Input should be a valid integer" in said
    assert "OO_EXAMPLE_ZZ is no variable of ours" in said
